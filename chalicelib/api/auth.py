"""Group 1: who is signed in."""

from chalicelib import container
from chalicelib.api.http import Call, Group, Reply

group = Group(__name__)


@group.get("/api/auth/current")
def current(call: Call) -> Reply:
    """The UserContext that decides what the client shows."""
    return Reply(container.callers().context(call.caller))
