"""Group 7: a user's name and picture."""

from chalicelib import container
from chalicelib.api.groups import Group
from chalicelib.api.http import Call, Reply
from chalicelib.api.uploads import file_of

group = Group(__name__)
_AVATAR = "/api/users/me/avatar"
_SHOWN = "/api/users/avatar/{uid}/{name}"
# Whatever a picture may turn out to be to a browser, it runs nothing and loads nothing.
_HARMLESS = "default-src 'none'; sandbox"


@group.put("/api/users/me/username", access="session")
def rename(call: Call) -> Reply:
    """Give the caller another name."""
    username = container.profile().rename(call.uid, call.json())
    return Reply({"success": True, "message": "Renamed", "username": username})


@group.post(_AVATAR)
def set_avatar(call: Call) -> Reply:
    """A new picture for the caller, from a form."""
    profile = container.profile()
    instead = f"POST {_AVATAR}/upload"
    file = file_of(call, "avatar", max_bytes=profile.max_bytes, instead=instead)
    return _set(profile.set_avatar(call.uid, file.data))


@group.post(f"{_AVATAR}/upload")
def offer_upload(call: Call) -> Reply:
    """Where to send a picture that is too large for a request."""
    return Reply(container.profile().offer_upload(call.uid, call.json()), 201)


@group.post(f"{_AVATAR}/upload/{{upload_id}}")
def take_upload(call: Call, upload_id: str) -> Reply:
    """Make what was sent there the caller's picture."""
    return _set(container.profile().take_upload(call.uid, upload_id))


@group.get(_SHOWN)
@group.head(_SHOWN)
def avatar(call: Call, uid: str, name: str) -> Reply:
    """A user's picture; whoever knows its address may see it."""
    picture = container.profile().avatar(uid, name)
    headers = {
        "ETag": f'"{name}"',
        "Cache-Control": "public, max-age=31536000, immutable",
        "Content-Disposition": "inline",
        "Content-Security-Policy": _HARMLESS,
    }
    if call.knows(name):
        return Reply(None, 304, headers)
    return Reply(picture.data, headers=headers, content_type=picture.media_type)


def _set(url: str) -> Reply:
    return Reply({"success": True, "message": "The picture is set", "avatarUrl": url})
