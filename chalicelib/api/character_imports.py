"""Group 2: characters: whole libraries at once."""

from chalicelib import container
from chalicelib.api.groups import Group
from chalicelib.api.http import Call, Reply
from chalicelib.api.uploads import FORM, file_of
from chalicelib.services.imports.jobs import Job

group = Group(__name__, success_flag=True)
_ALL = "/api/characters/import"
_ONE = _ALL + "/{import_id}"


@group.post(_ALL)
def start(call: Call) -> Reply:
    """Import an archive: the file of a form, or what was sent to an upload."""
    imports = container.imports()
    if call.headers.get("content-type", "").lower().startswith(FORM):
        instead = f"POST {_ALL}/upload"
        file = file_of(call, "file", max_bytes=imports.max_request_bytes, instead=instead)
        return _shown(imports.start(call.uid, file.data), 202)
    return _shown(imports.start_from_upload(call.uid, call.json()), 202)


@group.post(f"{_ALL}/upload")
def offer_upload(call: Call) -> Reply:
    """Where to send an archive that is too large for a request."""
    return Reply({"success": True, "data": container.imports().offer(call.uid, call.json())}, 201)


@group.get(_ALL)
def listing(call: Call) -> Reply:
    """The caller's imports, the newest first."""
    found = container.imports().list(call.uid)
    return Reply({"success": True, "data": [job.view() for job in found]})


@group.get(_ONE)
def status(call: Call, import_id: str) -> Reply:
    """How far an import is."""
    return _shown(container.imports().get(call.uid, import_id))


@group.delete(_ONE)
def cancel(call: Call, import_id: str) -> Reply:
    """End an import; what it has brought stays."""
    return _shown(container.imports().cancel(call.uid, import_id))


@group.get(f"{_ONE}/report")
def report(call: Call, import_id: str) -> Reply:
    """What became of its files, a page of it."""
    page = container.imports().report(call.uid, import_id, call.query("cursor"))
    return Reply({"success": True, "data": page.lines, "nextCursor": page.cursor})


def _shown(job: Job, status: int = 200) -> Reply:
    return Reply({"success": True, "data": job.view()}, status)
