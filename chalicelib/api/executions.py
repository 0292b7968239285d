"""Group 3: submitting runs and following them over HTTP."""

from chalicelib import container
from chalicelib.api.groups import Group
from chalicelib.api.http import Call, Reply
from chalicelib.errors import InvalidInput

group = Group(__name__)
interrupts = Group(f"{__name__}.interrupts", success_flag=True)


@group.post("/api/prompt", access="run")
def submit(call: Call) -> Reply:
    """Queue a workflow; with an Idempotency-Key, once."""
    key = call.headers.get("idempotency-key")
    prompt_id = container.executions().submit(call.uid, call.json(), idempotency_key=key)
    return Reply({"promptId": prompt_id})


@group.get("/api/prompt/{prompt_id}")
def status(call: Call, prompt_id: str) -> Reply:
    """A run's state, also after its end."""
    return Reply(container.executions().status(call.uid, prompt_id))


@group.get("/api/prompt/{prompt_id}/values/{digest}")
def value(call: Call, prompt_id: str, digest: str) -> Reply:
    """A value that was too large for an event."""
    text = container.executions().value(call.uid, prompt_id, digest)
    return Reply(text, headers={"Cache-Control": "private, max-age=31536000, immutable"})


@group.get("/api/executions")
def listing(call: Call) -> Reply:
    """The caller's running and pending runs; an administrator may ask for all."""
    scope = call.query("scope")
    if scope not in (None, "own", "all"):
        raise InvalidInput.field("scope", "own or all")
    if scope == "all":
        call.caller.require_admin()
    return Reply(container.executions().list(None if scope == "all" else call.uid))


@group.get("/api/system_stats")
def statistics(call: Call) -> Reply:
    """How busy it is."""
    return Reply(container.executions().statistics(call.uid))


@interrupts.post("/api/interrupt/{prompt_id}", access="run")
@interrupts.delete("/api/interrupt/{prompt_id}", access="run")
def interrupt(call: Call, prompt_id: str) -> Reply:
    """End a run that is queued or running."""
    container.executions().interrupt(call.uid, prompt_id)
    return Reply({"success": True, "message": "Interrupted"})
