"""Group 8: global workflows, which everyone may read and nobody may change here."""

from chalicelib import container
from chalicelib.api.groups import Group
from chalicelib.api.http import Call, Reply

group = Group(
    __name__,
    refusal="Global workflows are read-only; save workflows to a project: "
    "POST /api/projects/{projectId}/workflows",
)


@group.get("/api/workflows")
def listing(_call: Call) -> Reply:
    """Ids and names of the templates."""
    return Reply(container.templates().list())


@group.get("/api/workflows/{workflow_id}")
def template(_call: Call, workflow_id: str) -> Reply:
    """A whole template."""
    return Reply(container.templates().get(workflow_id))
