"""Group 9: what the web client asks before it draws anything."""

from chalicelib.api.groups import Group
from chalicelib.api.http import Call, Reply

group = Group(__name__)


@group.get("/api/plugins")
def plugins(_call: Call) -> Reply:
    """The client's plug-ins; this backend ships none."""
    return Reply([])
