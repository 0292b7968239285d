"""Who is calling: the one place where a request's identity is resolved."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from chalicelib.errors import NotAllowed, NotSignedIn

DEFAULT_USER = "default_user"


@dataclass(frozen=True, slots=True)
class Caller:
    """An identity. ``uid`` names all that belongs to it."""

    uid: str
    username: str
    is_admin: bool

    def require_admin(self) -> None:
        """``NotAllowed`` unless the caller is an administrator."""
        if not self.is_admin:
            raise NotAllowed("This needs an administrator")


class Callers:
    """Resolves callers in the open single-user mode: everyone is the one user.

    Accounts, sessions and keys extend ``resolve`` and ``context``; nothing
    else knows how an identity comes about.
    """

    def resolve(self, headers: Mapping[str, str]) -> Caller:
        """The caller of a request with these headers (lower-case names).

        Raises ``NotSignedIn`` for a bearer token, since none was ever given out.
        """
        scheme, _, _token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            raise NotSignedIn("The bearer token is not valid")
        return Caller(DEFAULT_USER, "User", is_admin=True)

    def context(self, caller: Caller) -> dict[str, Any]:
        """The UserContext that a client reads at start."""
        return {
            "mode": "SingleUser",
            "multiUserMode": False,
            "accessPasswordRequired": False,
            "isAuthenticated": True,
            "currentUser": {
                "uid": caller.uid,
                "username": caller.username,
                "isAdmin": caller.is_admin,
                "createdAt": "1970-01-01T00:00:00.000Z",
                "serviceApiKeys": [],
                "externalCredentials": [],
            },
        }


def is_trusted_origin(headers: Mapping[str, str], allowed: Set[str]) -> bool:
    """May the page that sent this request act for the user who looks at it?

    A browser names the page's origin with every write and every socket; other
    programs name none. Pages of our own address and of ``allowed`` may. Without
    this any web page could use a server on its reader's machine.

    Behind a proxy our own address is in ``X-Forwarded-Host``. No page can send
    that itself: a browser would first ask in a preflight, whose answer does not
    allow it, and lets no page set the headers of a socket.
    """
    origin = headers.get("origin")
    if origin is None or origin.rstrip("/") in allowed:
        return True
    try:
        address = urlsplit(origin).netloc
    except ValueError:  # no origin that a browser would send
        return False
    return address != "" and address in (headers.get("host"), headers.get("x-forwarded-host"))
