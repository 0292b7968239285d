"""What was deleted, and how it comes back."""

from chalicelib import container
from chalicelib.api.groups import Group
from chalicelib.api.http import Call, Reply

group = Group(__name__)


@group.get("/api/recycle-bin")
def listing(call: Call) -> Reply:
    """Everything in the caller's recycle bin."""
    return Reply(container.recycle_bin().list(call.uid))


@group.delete("/api/recycle-bin")
def empty(call: Call) -> Reply:
    """Remove everything in it for good."""
    return Reply({"removed": container.recycle_bin().empty(call.uid)})


@group.post("/api/recycle-bin/{entry_id}/restore")
def restore(call: Call, entry_id: str) -> Reply:
    """Bring one thing back."""
    return Reply(container.recycle_bin().restore(call.uid, entry_id))


@group.delete("/api/recycle-bin/{entry_id}")
def remove(call: Call, entry_id: str) -> Reply:
    """Remove one thing for good."""
    container.recycle_bin().remove(call.uid, entry_id)
    return Reply(None, 204)
