"""How many runs are running and waiting."""

from chalicelib.ports import RunLog


def queue_numbers(log: RunLog, owner: str, *, without: str | None = None) -> dict[str, int]:
    """The user's own numbers; ``without`` leaves out a run that has just ended.

    The list of active runs may lag behind; the caller knows better about one.
    """
    active = [run for run in log.active(owner) if run.prompt_id != without]
    running = sum(run.status == "running" for run in active)
    return {"runningExecutions": running, "pendingExecutions": len(active) - running}
