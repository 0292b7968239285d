"""What routes and messages ask of their caller, as declared, as documented and as enforced."""

import re
from pathlib import Path

import pytest

from chalicelib import api, realtime
from tests.api.frames import error_of
from tests.api.product import Tavern

DECISION = (
    Path(__file__).resolve().parents[2] / "docs" / "decisions" / "0016-scopes.md"
).read_text("utf-8")
ROWS = dict(re.findall(r"^\| `([^`]+)` \| (\w+) \|$", DECISION, flags=re.MULTILINE))
SCOPES = ("read", "write", "run", "admin")
MESSAGES = sorted(realtime.access().items())
WRITES = ("POST", "PUT", "PATCH", "DELETE")
DEFAULTS = {"GET": "read", "HEAD": "read", **dict.fromkeys(WRITES, "write")}


def bearer(tavern: Tavern, *scopes: str) -> str:
    made = tavern.ask("POST", "/api/users/me/service-keys", json={"scopes": scopes}).json()
    return f"Bearer {made['secret']}"


def test_the_tables_of_the_decision_are_what_is_declared() -> None:
    declared = {f"{method} {path}": asked for (method, path), asked in api.access().items()}
    of_routes = {route: asked for route, asked in ROWS.items() if " " in route}
    assert of_routes.items() <= declared.items()
    others = {route: asked for route, asked in declared.items() if route not in of_routes}
    assert others == {route: DEFAULTS[route.partition(" ")[0]] for route in others}
    assert {kind: asked for kind, asked in ROWS.items() if " " not in kind} == realtime.access()


def test_every_route_declares_what_it_asks() -> None:
    paths = {path for group in api.GROUPS for _, path in group.access()}
    assert paths == {path for _, path in api.access()}
    assert set(api.access().values()) <= {*SCOPES, "session", "identity", "anyone"}


@pytest.mark.parametrize(("kind", "scope"), MESSAGES)
def test_a_message_takes_its_scope(tavern: Tavern, kind: str, scope: str) -> None:
    allowed = {"read", scope}
    assert tavern.connect("may", authorization=bearer(tavern, *allowed)) == 200
    others = [other for other in SCOPES if other != scope]
    told = [
        error_of(frames)["message"]
        for frames in (tavern.say({"type": kind}, "may"),)
        if frames and frames[0]["type"] == "error"
    ]
    assert not any("scope" in message for message in told)
    if scope != "read":
        assert tavern.connect("may-not", authorization=bearer(tavern, *others)) == 200
        refused = error_of(tavern.say({"type": kind, "payload": {}}, "may-not"))
        assert repr(scope) in refused["message"]


def test_a_socket_takes_the_scope_read(tavern: Tavern) -> None:
    assert tavern.connect(authorization=bearer(tavern, "write", "run", "admin")) == 403
    assert tavern.connect(authorization=bearer(tavern, "read")) == 200


def test_a_method_that_a_path_has_not_is_405_for_every_key(tavern: Tavern) -> None:
    key = {"Authorization": bearer(tavern, "run")}
    assert tavern.ask("DELETE", "/api/projects", headers=key).status == 405
