"""A run as clients see it over HTTP."""

from collections.abc import Mapping
from typing import Any

from chalicelib.engine.bypass import STREAM_PLACEHOLDER
from chalicelib.engine.events import NodeState, RunState
from chalicelib.engine.graph import Workflow
from chalicelib.ports import Run


def info(run: Run) -> dict[str, Any]:
    """PromptInfo, for lists."""
    shown = {
        "promptId": run.prompt_id,
        "status": run.status,
        "workflowName": run.workflow_name,
        "submittedAt": run.submitted_at,
    }
    return _present(shown)


def status(run: Run, state: RunState, workflow: Workflow) -> dict[str, Any]:
    """PromptStatusResponse: every node of the workflow has a status."""
    completed_at = run.completed_at if state.ended else None
    shown = {
        "promptId": run.prompt_id,
        "status": state.status,
        "submittedAt": run.submitted_at,
        "startedAt": run.started_at,
        "completedAt": completed_at,
        "durationMs": _duration(run.started_at, completed_at),
        "workflowName": run.workflow_name,
        "nodeStatus": {
            node_id: _node(state.nodes.get(node_id), state) for node_id in workflow.nodes
        },
        "outputs": _outputs(state, workflow),
        "errorInfo": None if state.error is None else {"message": state.error},
    }
    return _present(shown)


def _node(node: NodeState | None, state: RunState) -> dict[str, Any]:
    if node is None:
        # A run that went to its end left out only what was behind a failure.
        skipped = state.status in ("complete", "error")
        return {"status": "skipped" if skipped else "idle"}
    return _present({"status": node.status, "output": node.output, "error": node.error})


def _outputs(state: RunState, workflow: Workflow) -> dict[str, Any]:
    """Interface outputs; for a stream, whose frames have passed, its collected text."""
    outputs = dict(state.outputs or {})
    for key, value in outputs.items():
        if value == STREAM_PLACEHOLDER and key in workflow.mappings:
            node_id, slot = workflow.mappings[key]
            node = state.nodes.get(node_id)
            if node is not None and node.output is not None:
                outputs[key] = node.output.get(slot, value)
    return outputs


def _duration(started_at: int | None, completed_at: int | None) -> int | None:
    if started_at is None or completed_at is None:
        return None
    return max(0, completed_at - started_at)


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
