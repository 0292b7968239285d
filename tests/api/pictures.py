"""Forms with a picture in them, and what became of it."""

from typing import Any

from chalicelib import container
from tests.api.product import Tavern

AVATAR = "/api/users/me/avatar"
BOUNDARY = "----a boundary"


def part(name: str, data: bytes, *, filename: str | None = "me.png", more: str = "") -> bytes:
    """One field of a form."""
    shown = "" if filename is None else f'; filename="{filename}"'
    head = f'Content-Disposition: form-data; name="{name}"{shown}{more}\r\n'
    return head.encode() + b"Content-Type: image/png\r\n\r\n" + data


def form(*parts: bytes, content_type: str | None = None, close: bool = True) -> dict[str, Any]:
    """A form as arguments for ``Tavern.ask``."""
    body = b"".join(b"--" + BOUNDARY.encode() + b"\r\n" + each + b"\r\n" for each in parts)
    end = b"--" + BOUNDARY.encode() + b"--\r\n" if close else b""
    kind = content_type or f'multipart/form-data; boundary="{BOUNDARY}"'
    return {"body": body + end, "headers": {"Content-Type": kind}}


def picture_form(data: bytes) -> dict[str, Any]:
    """A form with a picture in the field that sets it."""
    return form(part("avatar", data))


def set_picture(tavern: Tavern, data: bytes, **headers: str) -> str:
    """Set a picture; its address."""
    form = picture_form(data)
    form["headers"] |= headers
    answer = tavern.ask("POST", AVATAR, **form)
    assert answer.status == 200, answer.body
    return str(answer.json()["avatarUrl"])


def current_url(tavern: Tavern) -> str | None:
    """Where the caller's picture is shown."""
    user = tavern.ask("GET", "/api/auth/current").json()["currentUser"]
    url: str | None = user.get("avatarUrl")
    return url


def stored() -> list[str]:
    """The keys of all pictures that are stored."""
    return [key for key in container.documents().keys("users/") if "/avatar/" in key]
