"""The cookie of a session, as browsers keep and send it.

Off the machine itself it is ``Secure`` and its name says so: with the prefix
``__Host-`` no other host, and nobody who can change what goes over plain HTTP,
can put one in its place.
https://developer.mozilla.org/en-US/docs/Web/HTTP/Reference/Headers/Set-Cookie#cookie_prefixes
"""

from collections.abc import Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

_NAME = "tavern_session"
_SECURE_NAME = f"__Host-{_NAME}"


def session(headers: Mapping[str, str]) -> str | None:
    """The token that the browser's cookie holds."""
    wanted = _name(headers)
    for part in headers.get("cookie", "").split(";"):
        name, _, value = part.strip().partition("=")
        if name == wanted and value:
            return value.strip('"')
    return None


def kept(headers: Mapping[str, str], token: str, seconds: int) -> str:
    """The ``Set-Cookie`` that has a browser keep a token for so long."""
    secure = "; Secure" if _is_secure(headers) else ""
    return f"{_name(headers)}={token}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax{secure}"


def dropped(headers: Mapping[str, str]) -> str:
    """The ``Set-Cookie`` that has a browser forget it."""
    return kept(headers, "", 0)


def _name(headers: Mapping[str, str]) -> str:
    return _SECURE_NAME if _is_secure(headers) else _NAME


def _is_secure(headers: Mapping[str, str]) -> bool:
    """Browsers keep such a cookie from HTTPS only, which on one machine there is not."""
    if headers.get("x-forwarded-proto", "").lower() == "https":
        return True
    return not _is_loopback(headers.get("x-forwarded-host") or headers.get("host", ""))


def _is_loopback(address: str) -> bool:
    try:
        host = urlsplit(f"//{address}").hostname or ""
        return host == "localhost" or host.endswith(".localhost") or ip_address(host).is_loopback
    except ValueError:  # another name, or no address at all
        return False
