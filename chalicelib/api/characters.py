"""Group 2: characters: the list, and each of them."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from chalicelib import container, json_text
from chalicelib.api.fitting import fitted
from chalicelib.api.groups import Group
from chalicelib.api.http import Call, Reply, error_reply
from chalicelib.api.rebuilding import rebuilt
from chalicelib.api.uploads import UploadedFile, files_of
from chalicelib.errors import InvalidInput, TavernError

if TYPE_CHECKING:
    from chalicelib.cards import Budget
    from chalicelib.services.characters.characters import Kept

group = Group(__name__, success_flag=True)
_ALL = "/api/characters"
_ONE = _ALL + "/{character_id}"
_UPLOAD = f"{_ALL}/upload"
_INSTEAD = f"POST {_UPLOAD}"
_MAX_FILES = 20
# A whole list that is too large for an answer has its texts cut to so many characters,
_CUTS = (1_000, 300, 100, 30)
# and one of tags has so many of them.
_FEWER = (20_000, 5_000)
_PAGED = ("limit", "cursor", "search", "tag", "favorite", "sort", "fields")


@group.get(_ALL)
def listing(call: Call) -> Reply:
    """All characters; with a parameter a page of them."""
    listed = container.character_list()
    mark = listed.mark(call.uid)
    etag = f"characters-{mark}"
    headers = {"ETag": f'"{etag}"', "Cache-Control": "private, no-cache"}
    if call.knows(etag):
        return Reply(None, 304, headers)
    if any(call.query(name) is not None for name in _PAGED):
        return Reply(_page(call), headers=headers)
    body = container.ready_texts().get(f"characters/{call.uid}", mark, partial(_whole, call.uid))
    shorter = [partial(_cut, body, most) for most in _CUTS]
    return fitted(call, body, headers=headers, shorter=shorter)


@group.post(_ALL)
def add(call: Call) -> Reply:
    """Keep one card or picture, or several at once."""
    most = container.character_uploads().max_request_bytes
    files = files_of(call, "file", max_bytes=most, most=_MAX_FILES, instead=_INSTEAD)
    if len(files) == 1:
        return _added(_keep(call, files[0]))
    from chalicelib.cards import Budget  # no other route needs it

    budget = Budget()  # of all files: a form costs what its largest file may
    results = [_result(call, file, budget) for file in files]
    kept = [each["data"] for each in results if each["success"]]
    body = {"success": bool(kept), "data": kept, "results": results}
    short = [partial(_without_results, kept)]
    return fitted(call, body, status=201 if kept else 400, shorter=short)


@group.post(_UPLOAD)
def offer_upload(call: Call) -> Reply:
    """Where to send a file that is too large for a request."""
    offer = container.character_uploads().offer(call.uid, call.json())
    return Reply({"success": True, "data": offer}, 201)


@group.post(f"{_UPLOAD}/{{upload_id}}")
def take_upload(call: Call, upload_id: str) -> Reply:
    """Keep what was sent there."""
    return _added(container.character_uploads().take(call.uid, upload_id, call.json(empty={})))


@group.get(f"{_ALL}/tags")
def tags(call: Call) -> Reply:
    """All tags, and how many characters have them."""
    found = container.character_list().tags(call.uid)
    shorter = [partial(_body, found[:most]) for most in _FEWER]
    return fitted(call, _body(found), shorter=shorter)


@group.post(f"{_ALL}/rebuild-index")
def rebuild_index(call: Call) -> Reply:
    """Make the list anew from what is kept."""
    return rebuilt(call, container.character_repair())


@group.get(_ONE)
def character(call: Call, character_id: str) -> Reply:
    """A character with its whole card."""
    return _shown(call, container.characters().get(call.uid, character_id))


@group.put(_ONE)
def replace(call: Call, character_id: str) -> Reply:
    """Give a character another card."""
    body, condition = call.json(), call.if_match()
    return _shown(call, container.characters().replace(call.uid, character_id, body, condition))


@group.patch(_ONE)
def patch(call: Call, character_id: str) -> Reply:
    """Change some fields of a character's card."""
    body, condition = call.json(), call.if_match()
    return _shown(call, container.characters().patch(call.uid, character_id, body, condition))


@group.delete(_ONE)
def delete(call: Call, character_id: str) -> Reply:
    """Put a character into the recycle bin."""
    container.characters().delete(call.uid, character_id, call.if_match())
    return Reply(None, 204)


@group.post(f"{_ONE}/duplicate")
def duplicate(call: Call, character_id: str) -> Reply:
    """Another one that is just like it."""
    return _shown(call, container.characters().duplicate(call.uid, character_id), 201)


@group.get(f"{_ONE}/versions")
def versions(call: Call, character_id: str) -> Reply:
    """A character's history, newest first."""
    return _data(container.characters().versions(call.uid, character_id))


@group.get(f"{_ONE}/versions/{{version}}")
def version(call: Call, character_id: str, version: str) -> Reply:
    """A character as it was."""
    return _shown(call, container.characters().version(call.uid, character_id, version))


@group.post(f"{_ONE}/versions/{{version}}/restore")
def restore_version(call: Call, character_id: str, version: str) -> Reply:
    """Make a character what it was; what it is becomes history."""
    condition = call.if_match()
    restored = container.characters().restore_version(call.uid, character_id, version, condition)
    return _shown(call, restored)


def _keep(call: Call, file: UploadedFile, budget: "Budget | None" = None) -> "Kept":
    return container.characters().receive(call.uid, file.name, file.data, budget)


def _added(kept: "Kept") -> Reply:
    body = {
        "success": True,
        "data": kept.entry(),
        "repairs": [str(repair) for repair in kept.repairs],
        "merged": kept.merged,
    }
    return Reply(body, 201, {"ETag": f'"{kept.item.etag}"'})


def _result(call: Call, file: UploadedFile, budget: "Budget") -> dict[str, Any]:
    """One of several files: what is wrong with it is not the others' trouble."""
    try:
        kept = _keep(call, file, budget)
    except TavernError as error:
        reply = error_reply(error, success_flag=True)
        return {"name": file.name, "status": reply.status, **reply.body}
    repairs = [str(repair) for repair in kept.repairs]
    data = kept.entry()
    return {"name": file.name, "success": True, "data": data, "repairs": repairs}


def _whole(uid: str) -> str:
    return container.character_list().whole(uid, '{"success":true,"data":[', "]}")


def _cut(whole: str, most: int) -> dict[str, Any]:
    from chalicelib.services.characters.listing import shortened

    return {"success": True, "data": shortened(json_text.loads_exact(whole)["data"], most)}


def _without_results(kept: Sequence[dict[str, Any]]) -> dict[str, Any]:
    from chalicelib.services.characters.listing import shortened

    return {"success": bool(kept), "data": shortened(kept, _CUTS[-1]), "results": []}


def _page(call: Call) -> str:
    fields = call.query("fields")
    page = container.character_list().page(
        call.uid,
        limit=call.number("limit", 0) if call.query("limit") else None,
        cursor=call.query("cursor") or None,
        search=call.query("search") or "",
        tag=call.query("tag") or None,
        favorite=_flag(call, "favorite"),
        sort=call.query("sort") or "name",
        fields=None if fields is None else [part.strip() for part in fields.split(",")],
    )
    return _listed(page.entries, nextCursor=page.cursor)


def _listed(entries: Sequence[str], **more: object) -> str:
    """Entries as JSON, put together unread: reading and writing them takes most of the time."""
    rest = json_text.dumps({"success": True, **more})
    return f'{{"data":[{",".join(entries)}],{rest[1:]}'


def _flag(call: Call, name: str) -> bool | None:
    text = call.query(name) or None
    if text not in (None, "true", "false"):
        raise InvalidInput.field(name, "true or false is expected")
    return None if text is None else text == "true"


def _body(value: object) -> dict[str, Any]:
    return {"success": True, "data": value}


def _data(value: object) -> Reply:
    return Reply(_body(value))


def _shown(call: Call, kept: "Kept", status: int = 200) -> Reply:
    etag = kept.item.etag
    headers = {"ETag": f'"{etag}"'}
    if status == 200 and call.knows(etag):
        return Reply(None, 304, headers)
    body = _body(kept.view())
    if kept.repairs:
        body["repairs"] = [str(repair) for repair in kept.repairs]
    short = [] if status == 200 else [lambda: _body(kept.entry())]
    return fitted(call, body, status=status, headers=headers, shorter=short)
