"""Group 2: the files of characters, in and out."""

from chalicelib import container
from chalicelib.api import ranges
from chalicelib.api.attachments import file_reply
from chalicelib.api.groups import Group
from chalicelib.api.http import Call, Reply
from chalicelib.api.uploads import file_of

group = Group(__name__, success_flag=True)
_ALL = "/api/characters"
_ONE = _ALL + "/{character_id}"
_IMAGE = _ALL + "/image/{image_name}"
_INSTEAD = f"POST {_ALL}/upload"
# Whatever a picture may turn out to be to a browser, it runs nothing and loads nothing.
_HARMLESS = "default-src 'none'; sandbox"
_FOR_EVER = "private, max-age=31536000, immutable"
# By its name alone an address is another picture's later, or another user's at this browser.
_ASK_FIRST = "private, no-cache"
_OF_WHOM = "Origin, Cookie, Authorization"


@group.put(f"{_ONE}/image")
def set_image(call: Call, character_id: str) -> Reply:
    """Give a character another picture."""
    current = container.characters().get(call.uid, character_id).item
    most = container.character_uploads().max_request_bytes
    file = file_of(call, "file", max_bytes=most, instead=_INSTEAD)
    kept = container.characters().set_image(current, file.name, file.data, call.if_match())
    return Reply({"success": True, "data": kept.entry()}, headers={"ETag": f'"{kept.item.etag}"'})


@group.get(_IMAGE)
@group.head(_IMAGE)
def image(call: Call, image_name: str) -> Reply:
    """A character's picture; with ``size`` a small one.

    ``v``, the hash of the picture, makes an address that never shows anything else.
    """
    images = container.character_images()
    shown = images.find(call.uid, image_name)
    exact = call.query("v") == shown.image.hash
    small = call.query("size") is not None
    size = call.number("size", 0)
    etag = f"{shown.image.hash}-{size}" if small else shown.image.hash
    headers = {
        "ETag": f'"{etag}"',
        "Cache-Control": _FOR_EVER if exact else _ASK_FIRST,
        "Vary": _OF_WHOM,
        "Content-Disposition": "inline",
        "Content-Security-Policy": _HARMLESS,
    }
    if call.knows(etag):
        return Reply(None, 304, headers)
    if small:
        made = images.thumbnail(shown, size)
        return Reply(made, headers=headers, content_type=images.thumbnail_type)
    media_type = shown.image.media_type
    headers["Accept-Ranges"] = "bytes"
    part = ranges.wanted(call, shown.image.size, etag)
    if part is not None and part.is_empty:
        return Reply(None, 416, {**headers, "Content-Range": part.header})
    count = shown.image.size if part is None else part.count
    whole = container.large_answers().link(shown.key, count, media_type)
    if whole is not None and call.is_head:  # the link is for GET alone
        return Reply(None, 200, headers, media_type)
    if whole is not None:  # the store gives parts too
        return Reply(None, 307, {**headers, "Location": whole, "Cache-Control": "no-store"})
    if part is None:
        return Reply(images.data(shown), headers=headers, content_type=media_type)
    data = images.part(shown, part.start, part.count)
    return Reply(data, 206, {**headers, "Content-Range": part.header}, media_type)


@group.get(f"{_ONE}/export")
@group.head(f"{_ONE}/export")
def export(call: Call, character_id: str) -> Reply:
    """A character as a file."""
    form = call.query("format") or "png"
    file = container.character_exports().export(call.uid, character_id, form)
    return file_reply(call, file.name, file.data, file.media_type)
