"""What was done in accounts: everyone's own, and anybody's for an administrator."""

from chalicelib import container
from chalicelib.api.groups import Group
from chalicelib.api.http import Call, Reply
from chalicelib.errors import InvalidInput

group = Group(__name__)
_PAGE = 50


@group.get("/api/users/me/audit", access="session")
def own(call: Call) -> Reply:
    """What was done in the caller's account, the newest first."""
    limit = call.number("limit", _PAGE)
    return Reply(container.audit().page(call.uid, limit, call.query("cursor")))


@group.get("/api/audit", access="admin")
def of_user(call: Call) -> Reply:
    """What was done in the account of ``user`` (a uid); also of one that was erased."""
    uid = call.query("user")
    if not uid:
        raise InvalidInput.field("user", "a uid is expected")
    limit = call.number("limit", _PAGE)
    return Reply(container.audit().page(uid, limit, call.query("cursor")))
