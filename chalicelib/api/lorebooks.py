"""Group 2: lorebooks: the list, and each of them."""

from typing import TYPE_CHECKING, Any

from chalicelib import container
from chalicelib.api.attachments import file_reply
from chalicelib.api.fitting import fitted
from chalicelib.api.groups import Group
from chalicelib.api.http import Call, Reply
from chalicelib.api.rebuilding import rebuilt
from chalicelib.api.uploads import file_of

if TYPE_CHECKING:
    from chalicelib.services.lorebooks.lorebooks import KeptBook

group = Group(__name__, success_flag=True)
_ALL = "/api/lorebooks"
_ONE = _ALL + "/{lorebook_id}"
_DEFAULT_LIMIT = 50
_JSON = "application/json"


@group.get(_ALL)
def listing(call: Call) -> Reply:
    """All lorebooks by name; with a limit or a cursor a page of them."""
    kept = container.lorebooks()
    etag = f"lorebooks-{kept.mark(call.uid)}"
    headers = {"ETag": f'"{etag}"', "Cache-Control": "private, no-cache"}
    if call.knows(etag):
        return Reply(None, 304, headers)
    cursor = call.query("cursor")
    if cursor is None and call.query("limit") is None:
        return Reply({"success": True, "data": kept.list(call.uid)}, headers=headers)
    page = kept.page(call.uid, call.number("limit", _DEFAULT_LIMIT), cursor)
    body = {"success": True, "data": page.entries, "nextCursor": page.cursor}
    return Reply(body, headers=headers)


@group.post(_ALL)
def create(call: Call) -> Reply:
    """A new lorebook: of any shape, or with ``characterId`` the one in that card."""
    body = call.json()
    if isinstance(body, dict) and body.keys() == {"characterId"}:
        return _shown(call, container.character_books().keep(call.uid, body), 201)
    return _shown(call, container.lorebooks().create(call.uid, body), 201)


@group.post(f"{_ALL}/import")
def take_file(call: Call) -> Reply:
    """A new lorebook from a file: its own, or a card with one in it."""
    most = container.character_uploads().max_request_bytes
    file = file_of(call, "file", max_bytes=most)
    return _shown(call, container.lorebooks().receive(call.uid, file.name, file.data), 201)


@group.post(f"{_ALL}/rebuild-index")
def rebuild_index(call: Call) -> Reply:
    """Make the list anew from what is kept."""
    return rebuilt(call, container.lorebook_repair())


@group.get(_ONE)
def lorebook(call: Call, lorebook_id: str) -> Reply:
    """A whole lorebook."""
    return _shown(call, container.lorebooks().get(call.uid, lorebook_id))


@group.put(_ONE)
def replace(call: Call, lorebook_id: str) -> Reply:
    """Put another book in its place."""
    body, condition = call.json(), call.if_match()
    return _shown(call, container.lorebooks().replace(call.uid, lorebook_id, body, condition))


@group.patch(_ONE)
def patch(call: Call, lorebook_id: str) -> Reply:
    """Change some fields of a lorebook."""
    body, condition = call.json(), call.if_match()
    return _shown(call, container.lorebooks().patch(call.uid, lorebook_id, body, condition))


@group.delete(_ONE)
def delete(call: Call, lorebook_id: str) -> Reply:
    """Put a lorebook into the recycle bin."""
    container.lorebooks().delete(call.uid, lorebook_id, call.if_match())
    return Reply(None, 204)


@group.post(f"{_ONE}/duplicate")
def duplicate(call: Call, lorebook_id: str) -> Reply:
    """Another one that is just like it."""
    return _shown(call, container.lorebooks().duplicate(call.uid, lorebook_id), 201)


@group.get(f"{_ONE}/export")
@group.head(f"{_ONE}/export")
def export(call: Call, lorebook_id: str) -> Reply:
    """A lorebook as a file for other programs."""
    form = call.query("format") or "lorebook_v3"
    file = container.lorebooks().export(call.uid, lorebook_id, form)
    return file_reply(call, file.name, file.data, _JSON)


@group.get(f"{_ONE}/versions")
def versions(call: Call, lorebook_id: str) -> Reply:
    """A lorebook's history, newest first."""
    return _data(container.lorebooks().versions(call.uid, lorebook_id))


@group.get(f"{_ONE}/versions/{{version}}")
def version(call: Call, lorebook_id: str, version: str) -> Reply:
    """A lorebook as it was."""
    return _shown(call, container.lorebooks().version(call.uid, lorebook_id, version))


@group.post(f"{_ONE}/versions/{{version}}/restore")
def restore_version(call: Call, lorebook_id: str, version: str) -> Reply:
    """Make a lorebook what it was; what it is becomes history."""
    condition = call.if_match()
    restored = container.lorebooks().restore_version(call.uid, lorebook_id, version, condition)
    return _shown(call, restored)


def _data(value: object) -> Reply:
    return Reply({"success": True, "data": value})


def _shown(call: Call, kept: "KeptBook", status: int = 200) -> Reply:
    etag = kept.item.etag
    headers = {"ETag": f'"{etag}"'}
    if status == 200 and call.knows(etag):
        return Reply(None, 304, headers)
    body: dict[str, Any] = {"success": True, "data": kept.view()}
    if kept.repairs or status == 201:
        body["repairs"] = [str(repair) for repair in kept.repairs]
    short = [] if status == 200 else [lambda: {**body, "data": kept.entry()}]
    return fitted(call, body, status=status, headers=headers, shorter=short)
