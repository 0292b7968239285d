"""Users and their quotas, for administrators."""

from typing import Any

from chalicelib import container
from chalicelib.api.groups import Group
from chalicelib.api.http import Call, Reply
from chalicelib.errors import InvalidInput

group = Group(__name__)
_USERS = "/api/admin/users"
_PAGE = 50
_MAX_PAGE = 200


@group.get(_USERS, access="admin")
def users(call: Call) -> Reply:
    """Some of all users, by uid: ``{users, cursor?}``."""
    limit = call.number("limit", _PAGE)
    if not 1 <= limit <= _MAX_PAGE:
        raise InvalidInput.field("limit", f"a number from 1 to {_MAX_PAGE} is expected")
    found, last = container.users().page(limit, call.query("cursor"))
    body: dict[str, Any] = {"users": [dict(user) for user in found]}
    return Reply(body if last is None else {**body, "cursor": last})


@group.get(f"{_USERS}/{{uid}}/quotas", access="admin")
def quotas(call: Call, uid: str) -> Reply:  # noqa: ARG001 (a view's)
    """What a user may have and ask for, and what he has: ``{quotas}``."""
    return Reply({"quotas": container.quotas().of(uid)})


@group.put(f"{_USERS}/{{uid}}/quotas", access="admin")
def set_quotas(call: Call, uid: str) -> Reply:
    """Change some of them; null gives back the limit of all."""
    from chalicelib.schemas.parsing import parse
    from chalicelib.schemas.quotas import QuotaChanges

    changes = parse(QuotaChanges, call.json()).quotas
    container.quotas().set(uid, changes)
    return Reply({"quotas": container.quotas().of(uid)})
