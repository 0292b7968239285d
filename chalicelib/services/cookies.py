"""The cookie of a session, as browsers keep and send it.

Off the machine itself it is ``Secure`` and its name says so: with the prefix
``__Host-`` no other host, and nobody who can change what goes over plain HTTP,
can put one in its place.
https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes
"""

from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.services import public_address

_NAME = "tavern_session"


@dataclass(frozen=True, slots=True)
class Cookies:
    """The cookies of one server.

    Browsers send those of a host to all its ports: ``suffix`` keeps two servers
    on one machine from taking each other's for their own.
    """

    suffix: str = ""

    def session(self, headers: Mapping[str, str]) -> str | None:
        """The token that the browser's cookie holds."""
        wanted = self._name(headers)
        for part in headers.get("cookie", "").split(";"):
            name, _, value = part.strip().partition("=")
            if name == wanted and value:
                return value.strip('"')
        return None

    def kept(self, headers: Mapping[str, str], token: str, seconds: int) -> str:
        """The ``Set-Cookie`` that has a browser keep a token for so long."""
        secure = "; Secure" if _is_secure(headers) else ""
        attributes = f"Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax{secure}"
        return f"{self._name(headers)}={token}; {attributes}"

    def dropped(self, headers: Mapping[str, str]) -> str:
        """The ``Set-Cookie`` that has a browser forget it."""
        return self.kept(headers, "", 0)

    def _name(self, headers: Mapping[str, str]) -> str:
        return f"{'__Host-' if _is_secure(headers) else ''}{_NAME}{self.suffix}"


def _is_secure(headers: Mapping[str, str]) -> bool:
    """Browsers keep such a cookie from HTTPS only, which on one machine there is not."""
    if public_address.is_https(headers):
        return True
    asked = public_address.host(headers)
    return not public_address.is_loopback(public_address.name_of(asked))
