"""Who may do what: every identity in every mode, at every route and every socket message.

Nothing here names a route to test: they are those of the app. What is expected
follows from what a route declares that it asks of its caller (``api.access``).
"""

from collections.abc import Iterator, Mapping

import pytest

import app
from chalicelib import api, realtime
from chalicelib.api.http import METHODS, Access
from tests.api.hostile import assert_error
from tests.api.identities import NOBODY, Identity, Mode, identities, set_mode
from tests.api.product import Answer, Tavern
from tests.api.routes import filled

MODES: tuple[Mode, ...] = ("open", "password", "accounts")
WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
CURRENT = ("GET", "/api/auth/current")
LOGOUT = ("POST", "/api/auth/logout")
# Where there is nothing to sign in to, nobody to become, no password of one's own.
NOT_IN: Mapping[tuple[str, str], tuple[Mode, ...]] = {
    ("POST", "/api/auth/login"): ("open",),
    ("POST", "/api/auth/register"): ("open", "password"),
    ("PUT", "/api/auth/password"): ("open", "password"),
}
TICKET = ("POST", "/api/auth/ws-ticket")
# Where an empty object asks for more than nothing: what this key of each scope may make.
BODIES: Mapping[tuple[str, str], bytes] = {
    ("POST", "/api/users/me/service-keys"): b'{"scopes": ["write"]}',
}
# One answer for what was let through to the route: whatever else is wrong, it is not the caller.
PASSED = "passed"
Wrong = dict[tuple[str, ...], tuple[object, object]]
"""What was found and what was expected, by who asked for what."""


@pytest.fixture(params=MODES)
def mode(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Mode:
    """Each mode; the product is made after it."""
    chosen: Mode = request.param
    set_mode(chosen, monkeypatch)
    return chosen


def test_every_way_in_is_declared() -> None:
    served = {(method, path) for path, methods in app.app.routes.items() for method in methods}
    declared = {path for _, path in api.access()}
    assert {path for _, path in served} == declared
    assert served == {(method, path) for path in declared for method in (*METHODS, "OPTIONS")}
    assert {(m, path) for path, methods in app.routes.items() for m in methods} == {*api.access()}
    assert app.app.websocket_handlers.keys() == {"$connect", "$default", "$disconnect"}


def test_every_identity_gets_at_every_route_what_the_route_declares(
    mode: Mode, tavern: Tavern
) -> None:
    wrong: Wrong = {}
    for name, identity in identities(tavern, mode).items():
        for method, path, access in routes():
            answer = asked(tavern, identity, method, path)
            check_shape(answer)
            expected = at_route(mode, identity, method, path, access)
            if outcome(answer) != expected:
                wrong[name, method, path] = (answer.status, expected)
    assert wrong == {}


def test_every_identity_gets_at_every_message_what_the_message_declares(
    mode: Mode, tavern: Tavern
) -> None:
    wrong: Wrong = {}
    for name, identity in identities(tavern, mode).items():
        status = tavern.connect(name, **identity.headers)
        expected = 403 if "Origin" in identity.headers else at_connect(identity)
        if status != expected:
            wrong[name, "connect"] = (status, expected)
        if status == 200:
            wrong |= wrongly_taken(tavern, name, identity)
    assert wrong == {}


def test_who_shows_a_ticket_gets_what_its_maker_gets(mode: Mode, tavern: Tavern) -> None:
    wrong: Wrong = {}
    for name, identity in identities(tavern, mode).items():
        answer = asked(tavern, identity, *TICKET)
        if answer.status != 200:
            continue
        status = tavern.connect(name, query=f"ticket={answer.json()['ticket']}")
        if status != at_connect(identity):
            wrong[name, "connect"] = (status, at_connect(identity))
        if status == 200:
            wrong |= wrongly_taken(tavern, name, identity)
    assert wrong == {}


@pytest.mark.parametrize(
    ("method", "access", "identity", "expected"),
    [
        ("GET", "read", NOBODY, 401),
        ("GET", "anyone", NOBODY, PASSED),
        ("POST", "admin", Identity(scopes=frozenset({"admin"})), 403),
        ("POST", "admin", Identity(scopes=frozenset({"admin"}), is_admin=True), PASSED),
        ("POST", "run", Identity(scopes=frozenset({"read", "write"})), 403),
        ("POST", "session", Identity(scopes=frozenset({"read"}), is_key=True), 403),
        ("POST", "write", Identity(scopes=frozenset({"write"}), foreign=True), 403),
        ("GET", "read", Identity(scopes=frozenset({"read"}), foreign=True), PASSED),
        ("DELETE", None, Identity(scopes=frozenset()), 405),
        ("DELETE", None, NOBODY, 401),
    ],
)
def test_the_rule_says_what_is_meant(
    method: str, access: Access | None, identity: Identity, expected: object
) -> None:
    assert at_route("accounts", identity, method, "/api/x", access) == expected


def routes() -> Iterator[tuple[str, str, Access | None]]:
    """Every method of every path, and what it asks; None for one that the path has not.

    The one that ends the session that asks comes last.
    """
    declared = api.access()
    every = [(method, path) for path in app.routes for method in METHODS]
    for route in sorted(every, key=lambda route: route == LOGOUT):
        yield *route, declared.get(route)


def asked(tavern: Tavern, identity: Identity, method: str, path: str) -> Answer:
    """Ask for a thing that is nobody's, with a body that is as good as empty."""
    body = b"" if method in ("GET", "HEAD") else BODIES.get((method, path), b"{}")
    # A type that a page of any origin may send without asking first.
    headers = {"Content-Type": "text/plain", **identity.headers}
    return tavern.ask(method, filled(path), body=body, headers=headers)


def at_route(
    mode: Mode, identity: Identity, method: str, path: str, access: Access | None
) -> int | str:
    """What is expected of a route, or ``PASSED``."""
    if access == "anyone":
        return at_open_route(mode, identity, method, path)
    if identity.scopes is None:
        return 401
    if identity.foreign and method in WRITES:
        return 403
    if access is None:
        return 405
    if mode in NOT_IN.get((method, path), ()):
        return 403
    if access == "session":
        return 403 if identity.is_key else PASSED
    may = access == "identity" or access in identity.scopes
    return PASSED if may and (access != "admin" or identity.is_admin) else 403


def at_open_route(mode: Mode, identity: Identity, method: str, path: str) -> int | str:
    """What is expected where nobody is asked who he is.

    No foreign page may write here, whatever it shows: it could sign its reader in as
    somebody else. Who asks whether he is signed in is told if a token is not valid.
    """
    if method in WRITES and "Origin" in identity.headers:
        return 403
    if (method, path) == CURRENT and identity.scopes is None:
        return 401 if "Authorization" in identity.headers else PASSED
    return 403 if mode in NOT_IN.get((method, path), ()) else PASSED


def at_connect(identity: Identity) -> int:
    """What is expected when a socket opens, from a page that may open one."""
    if identity.scopes is None:
        return 401
    return 200 if "read" in identity.scopes else 403


def outcome(answer: Answer) -> int | str:
    """The status, if it is about the caller or the method."""
    about_the_caller = (401, 403, 405, 429)
    assert answer.status < 500, answer.body
    return answer.status if answer.status in about_the_caller else PASSED


def wrongly_taken(tavern: Tavern, name: str, identity: Identity) -> Wrong:
    """The messages that a socket may not send and can, and those that it may and cannot."""
    wrong: Wrong = {}
    for kind, scope in realtime.access().items():
        found = [frame for frame in tavern.say({"type": kind}, name) if frame["type"] == "error"]
        about_the_caller = ["with the scope" in frame["payload"]["message"] for frame in found]
        may = scope in (identity.scopes or ())
        if any(about_the_caller) is may:
            wrong[name, kind] = (found, scope)
    tavern.disconnect(name)
    return wrong


def check_shape(answer: Answer) -> None:
    """No answer leads elsewhere; what is refused says why, and how to come in."""
    assert "location" not in answer.headers
    assert "x-request-id" in answer.headers
    assert ("www-authenticate" in answer.headers) == (answer.status == 401)
    if answer.status >= 400 and answer.body:
        assert_error(answer.json(), success_flag="success" in answer.json())
