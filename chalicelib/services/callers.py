"""Who is calling: the one place where a request's identity is resolved."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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
