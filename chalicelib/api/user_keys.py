"""Group 6: service keys, and credentials for services elsewhere."""

from chalicelib import container
from chalicelib.api.groups import Group
from chalicelib.api.http import Call, Reply

group = Group(__name__)
_KEYS = "/api/users/me/service-keys"
_CREDENTIALS = "/api/users/me/credentials"


@group.get(_KEYS)
def list_keys(call: Call) -> Reply:
    """The caller's service keys, without their secrets."""
    return Reply(container.service_keys().list(call.uid))


@group.post(_KEYS)
def create_key(call: Call) -> Reply:
    """A new service key; only this answer has its secret."""
    return Reply(container.service_keys().create(call.caller, call.json(empty={})), 201)


@group.delete(f"{_KEYS}/{{key_id}}")
def remove_key(call: Call, key_id: str) -> Reply:
    """End a service key at once."""
    container.service_keys().remove(call.caller, key_id)
    container.revocations().carry_out(call.uid)
    return Reply(None, 204)


@group.get(_CREDENTIALS)
def list_credentials(call: Call) -> Reply:
    """The caller's external credentials, without their content."""
    return Reply(container.credentials().list(call.uid))


@group.post(_CREDENTIALS)
def create_credential(call: Call) -> Reply:
    """Keep a credential; no answer ever has its content."""
    return Reply(container.credentials().create(call.caller, call.json()), 201)


@group.delete(f"{_CREDENTIALS}/{{credential_id}}")
def remove_credential(call: Call, credential_id: str) -> Reply:
    """Forget a credential."""
    container.credentials().remove(call.uid, credential_id)
    return Reply(None, 204)
