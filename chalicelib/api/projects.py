"""Group 5: projects and their workflows, with versions."""

from chalicelib import container
from chalicelib.api.groups import Group
from chalicelib.api.http import Call, Reply, document

group = Group(__name__)
_PROJECT = "/api/projects/{project_id}"
_WORKFLOW = _PROJECT + "/workflows/{workflow_id}"


@group.get("/api/projects")
def listing(call: Call) -> Reply:
    """The caller's projects."""
    return Reply(container.projects().list(call.uid))


@group.post("/api/projects")
def create(call: Call) -> Reply:
    """A new project; its id is its name made safe."""
    created = container.projects().create(call.uid, call.json())
    return document(call, created.value, created.etag, 201)


@group.get(_PROJECT)
@group.get(f"{_PROJECT}/metadata")
def metadata(call: Call, project_id: str) -> Reply:
    """A project's metadata."""
    found = container.projects().get(call.uid, project_id)
    return document(call, found.value, found.etag)


@group.put(_PROJECT)
@group.put(f"{_PROJECT}/metadata")
def update(call: Call, project_id: str) -> Reply:
    """Change part of a project's metadata."""
    changes, condition = call.json(), call.if_match()
    updated = container.projects().update(call.uid, project_id, changes, if_match=condition)
    return document(call, updated.value, updated.etag)


@group.delete(_PROJECT)
def delete(call: Call, project_id: str) -> Reply:
    """Put a project and its workflows into the recycle bin."""
    container.projects().delete(call.uid, project_id, if_match=call.if_match())
    return Reply(None, 204)


@group.get(f"{_PROJECT}/workflows")
def list_workflows(call: Call, project_id: str) -> Reply:
    """Summaries of a project's workflows."""
    return Reply(container.workflows().list(call.uid, project_id))


@group.post(f"{_PROJECT}/workflows")
def create_workflow(call: Call, project_id: str) -> Reply:
    """A new workflow; its name is unique in the project."""
    created = container.workflows().create(call.uid, project_id, call.json())
    return document(call, created.value, created.etag, 201)


@group.get(_WORKFLOW)
def get_workflow(call: Call, project_id: str, workflow_id: str) -> Reply:
    """A whole workflow."""
    found = container.workflows().get(call.uid, project_id, workflow_id)
    return document(call, found.value, found.etag)


@group.put(_WORKFLOW)
def save_workflow(call: Call, project_id: str, workflow_id: str) -> Reply:
    """Replace a workflow; with If-Match only the version that the caller has read."""
    draft, condition = call.json(), call.if_match()
    saved = container.workflows().save(call.uid, project_id, workflow_id, draft, if_match=condition)
    return document(call, saved.value, saved.etag)


@group.delete(_WORKFLOW)
def delete_workflow(call: Call, project_id: str, workflow_id: str) -> Reply:
    """Put a workflow into the recycle bin."""
    condition = call.if_match()
    container.workflows().delete(call.uid, project_id, workflow_id, if_match=condition)
    return Reply(None, 204)


@group.get(f"{_WORKFLOW}/versions")
def versions(call: Call, project_id: str, workflow_id: str) -> Reply:
    """A workflow's history, newest first."""
    return Reply(container.workflows().versions(call.uid, project_id, workflow_id))


@group.post(f"{_WORKFLOW}/versions/{{version}}/restore")
def restore_version(call: Call, project_id: str, workflow_id: str, version: str) -> Reply:
    """Make an earlier version the current one; what was current becomes history."""
    condition = call.if_match()
    restored = container.workflows().restore_version(
        call.uid, project_id, workflow_id, version, if_match=condition
    )
    return document(call, restored.value, restored.etag)
