"""Who is calling: the one place where a request's identity is resolved."""

from collections.abc import Mapping, Set
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import urlsplit

from chalicelib.errors import NotAllowed, NotSignedIn
from chalicelib.services import public_address
from chalicelib.services.accounts.tokens import TokenRow, Tokens
from chalicelib.services.accounts.users import DEFAULT_USER, DEFAULT_USERNAME, Users
from chalicelib.services.cookies import Cookies

Mode = Literal["open", "password", "accounts"]
"""``open`` and ``password`` have one user, whom nobody or only who knows it may be."""

SCOPES = frozenset({"read", "write", "run", "admin"})
_OUR_OWN_PAGES = frozenset({"same-origin", "none"})


@dataclass(frozen=True, slots=True)
class Caller:
    """An identity. ``uid`` names all that belongs to it.

    ``identity`` is the id of the session or key. ``username`` is that of the
    moment it was made. ``by_cookie``: a browser sent it by itself, so it does
    not prove that the user wants what the request asks for. ``token`` is the
    look-up id of what was shown. ``ends_at``, in epoch seconds, is when the
    identity ends however much it is used.
    """

    uid: str
    username: str
    is_admin: bool
    scopes: frozenset[str] = SCOPES
    kind: Literal["open", "session", "key"] = "open"
    identity: str | None = None
    by_cookie: bool = False
    token: str | None = None
    ends_at: int | None = None

    def require(self, scope: str) -> None:
        """``NotAllowed`` without that scope; ``admin`` takes an administrator as well."""
        if scope == "admin" and not self.is_admin:  # no key of his would help
            raise NotAllowed("This needs an administrator")
        if scope not in self.scopes:
            raise NotAllowed(f"This needs a key with the scope {scope!r}")

    def require_admin(self) -> None:
        """``NotAllowed`` unless the caller is an administrator and may act as one."""
        self.require("admin")

    def require_session(self) -> str:
        """The id of the caller's session; ``NotAllowed`` for keys and where nobody signs in."""
        if self.kind != "session" or self.identity is None:
            raise NotAllowed("This needs a session: sign in with a password")
        return self.identity


OPEN = Caller(DEFAULT_USER, DEFAULT_USERNAME, is_admin=True)
"""Everybody, where there is one user and no password."""


class Callers:
    """Resolves callers in each of the three modes; nothing else knows how.

    ``access_password`` is the one of the mode ``password``. ``names`` are those by
    which an open server may be asked beside its addresses and ``localhost``; None
    where whoever is in front sees to that.
    """

    def __init__(
        self,
        *,
        mode: Mode,
        tokens: Tokens,
        users: Users,
        access_password: str | None,
        names: Set[str] | None = None,
        cookies: Cookies = Cookies(),  # noqa: B008 (it is frozen)
    ) -> None:
        self.mode = mode
        self.cookies = cookies
        self._names = names
        self._tokens = tokens
        self._users = users
        self._access_password = access_password

    def resolve(self, headers: Mapping[str, str]) -> Caller:
        """The caller of a request with these headers (lower-case names).

        ``NotSignedIn`` for a token that is not valid, and without one in the
        modes that need it; ``NotAllowed`` for an open server that is asked by a
        foreign name. One read at most, beside a note now and then that
        the token was used.
        """
        token = bearer(headers)
        if token is not None:
            return self._known(token, by_cookie=False)
        if self.mode == "open":
            if self._names is not None and not is_own_name(headers, self._names):
                raise NotAllowed(
                    "An open server answers to localhost and to IP addresses;"
                    " other names go into TAVERN_CORS_ORIGINS"
                )
            return OPEN
        token = self.cookies.session(headers)
        if token is None:
            raise NotSignedIn("Sign in first")
        return self._known(token, by_cookie=True)

    def find(self, headers: Mapping[str, str]) -> Caller | None:
        """The caller, or None for a browser whose session is over, and for who has none.

        ``NotSignedIn`` for a bearer token that is not valid: a program should know.
        """
        try:
            return self.resolve(headers)
        except NotSignedIn:
            if bearer(headers) is not None:
                raise
            return None

    def standing(self, lookup: str | None) -> Caller:
        """The caller whose token has that look-up id, without the token; ``NotSignedIn``.

        None stands for everybody, in the mode where nobody signs in. One read.
        """
        if lookup is not None:
            return self._admitted(self._tokens.standing(lookup), by_cookie=False)
        if self.mode != "open":
            raise NotSignedIn("Sign in first")
        return OPEN

    def admits(self, caller: Caller) -> bool:
        """Whether an identity of before, such as a socket's, is one of this mode still."""
        return self.mode == "open" or caller.kind != "open"

    def context(self, caller: Caller | None) -> dict[str, Any]:
        """The UserContext that a client reads at start; one read."""
        user = None if caller is None else self._users.holdings(caller.uid).current_user()
        context: dict[str, Any] = {
            "mode": "MultiUser" if self.mode == "accounts" else "SingleUser",
            "multiUserMode": self.mode == "accounts",
            "isAuthenticated": user is not None,
            "currentUser": user,
        }
        if self.mode != "accounts":
            return {**context, "accessPasswordRequired": self.mode == "password"}
        if user is None:
            context["adminRegistrationRequired"] = not self._users.has_administrator()
        return context

    def _known(self, token: str, *, by_cookie: bool) -> Caller:
        row = self._tokens.resolve(token, bound_to=self._access_password)
        caller = self._admitted(row, by_cookie=by_cookie)
        self._tokens.touch(row)
        return caller

    def _admitted(self, row: TokenRow, *, by_cookie: bool) -> Caller:
        if (row.uid == DEFAULT_USER) is (self.mode == "accounts") or (
            by_cookie and row.kind != "session"
        ):
            raise NotSignedIn("The token is not valid here")
        return _caller(row, by_cookie=by_cookie)


def bearer(headers: Mapping[str, str]) -> str | None:
    """The token of an ``Authorization`` header; empty if it names none."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def is_trusted_origin(headers: Mapping[str, str], allowed: Set[str]) -> bool:
    """May the page that sent this request act for the user who looks at it?

    A browser names the page's origin with every write and every socket; other
    programs name none. Pages of our own address and of ``allowed`` may. Without
    this any web page could use a server on its reader's machine.

    Behind a proxy our own address is in ``X-Forwarded-Host``. No page of another
    origin can send that itself: a browser would first ask in a preflight, whose
    answer does not allow it, and lets no page set the headers of a socket.

    Where TLS is known to end before us, a page that came without it is another's:
    whoever sits on the network could have written it.
    """
    origin = headers.get("origin")
    if origin is None:
        return headers.get("sec-fetch-site", "none") in _OUR_OWN_PAGES
    if origin.rstrip("/") in allowed:
        return True
    try:
        page = urlsplit(origin)
    except ValueError:  # no origin that a browser would send
        return False
    schemes = {"https"} if public_address.is_https(headers) else {"http", "https"}
    own = public_address.host(headers)
    return own != "" and page.scheme in schemes and page.netloc == own


def is_own_name(headers: Mapping[str, str], names: Set[str]) -> bool:
    """Is a request for names only that no stranger can make point here?

    A page whose name is made to point to this machine after it was loaded (DNS
    rebinding) is of the server's own origin, as far as browsers can tell, and may
    send any ``X-Forwarded-Host``. It still asks by its name, so each of the two
    counts. Programs that send no ``Host`` are no browsers.
    """
    asked = [headers[name] for name in ("host", "x-forwarded-host") if name in headers]
    return all(_is_own(public_address.name_of(address), names) for address in asked)


def _is_own(name: str, names: Set[str]) -> bool:
    if public_address.is_loopback(name) or name in names:
        return True
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def may_write(caller: Caller | None, headers: Mapping[str, str], allowed: Set[str]) -> bool:
    """Does a write come from someone who may ask for it in the caller's name?

    Nobody but its owner's programs can send a bearer token. A cookie comes by
    itself, so the browser must tell which page asks: by ``Origin``, or by
    ``Sec-Fetch-Site``, which no page can set.
    https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
    """
    if caller is not None and caller.kind != "open" and not caller.by_cookie:
        return True
    if caller is not None and caller.by_cookie and not ("origin" in headers or _TELLS in headers):
        return False
    return is_trusted_origin(headers, allowed)


_TELLS = "sec-fetch-site"


def _caller(row: TokenRow, *, by_cookie: bool) -> Caller:
    return Caller(
        uid=row.uid,
        username=row.username,
        is_admin=row.is_admin,
        scopes=row.scopes,
        kind=row.kind,
        identity=row.id,
        by_cookie=by_cookie,
        token=row.lookup,
        ends_at=row.expires_at if row.ends_at is None else row.ends_at,
    )
