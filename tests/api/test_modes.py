"""Three modes: nobody signs in, one password for all, accounts."""

import re

import pytest

import app
from chalicelib import container
from tests.api.people import (
    ACCESS_PASSWORD,
    PASSWORD,
    account,
    bearer,
    cookie,
    login,
    register,
)
from tests.api.product import ORIGIN, Tavern

FOREIGN = "http://evil.example"
ANYONE = {
    ("GET", "/api/auth/current"),
    ("POST", "/api/auth/login"),
    ("POST", "/api/auth/register"),
    ("POST", "/api/uploads/{token}"),  # its address is signed
}


def answered(tavern: Tavern, method: str, path: str, **headers: str) -> int:
    target = re.sub(r"\{\w+\}", "x", path)
    return tavern.ask(method, target, body=b"{}", headers=headers).status


def test_in_the_open_mode_everybody_is_the_one_user(either_tavern: Tavern) -> None:
    context = either_tavern.ask("GET", "/api/auth/current").json()
    assert context == {
        "mode": "SingleUser",
        "multiUserMode": False,
        "accessPasswordRequired": False,
        "isAuthenticated": True,
        "currentUser": {
            "uid": "default_user",
            "username": "User",
            "isAdmin": True,
            "createdAt": "1970-01-01T00:00:00.000Z",
            "serviceApiKeys": [],
            "externalCredentials": [],
        },
    }


def test_in_the_open_mode_nobody_signs_in(tavern: Tavern) -> None:
    assert login(tavern, None, "anything").status == 403
    assert tavern.ask("POST", "/api/auth/register", json=account("ada")).status == 403
    change = {"currentPassword": "a", "newPassword": PASSWORD}
    assert tavern.ask("PUT", "/api/auth/password", json=change).status == 403
    assert tavern.ask("POST", "/api/auth/logout").status == 204
    assert tavern.ask("GET", "/api/auth/sessions").json() == []


@pytest.mark.parametrize("mode", ["locked", "accounts"])
def test_what_is_locked_answers_401_to_all_but_signing_in(
    request: pytest.FixtureRequest, mode: str
) -> None:
    request.getfixturevalue(mode)
    tavern: Tavern = request.getfixturevalue("tavern")
    for path, methods in app.routes.items():
        for method in methods:
            if (method, path) not in ANYONE:
                assert answered(tavern, method, path) == 401, (method, path)
    assert tavern.ask("GET", "/api/plugins").headers["www-authenticate"] == "Bearer"
    assert tavern.ask("GET", "/api/auth/current").status == 200
    assert tavern.ask("GET", "/api/nothing").status == 404
    assert tavern.ask("OPTIONS", "/api/projects", headers={"Origin": ORIGIN}).status == 204
    assert tavern.connect() == 401
    assert tavern.connect(authorization="Bearer nonsense") == 401


def test_an_access_password_opens_everything(locked: None, either_tavern: Tavern) -> None:
    tavern = either_tavern
    before = tavern.ask("GET", "/api/auth/current").json()
    assert before == {
        "mode": "SingleUser",
        "multiUserMode": False,
        "accessPasswordRequired": True,
        "isAuthenticated": False,
        "currentUser": None,
    }
    answer = login(tavern, None, ACCESS_PASSWORD)
    assert answer.status == 200
    assert answer.json()["currentUser"]["uid"] == "default_user"
    for headers in (bearer(answer.json()["token"]), cookie(answer)):
        context = tavern.ask("GET", "/api/auth/current", headers=headers).json()
        assert (context["isAuthenticated"], context["accessPasswordRequired"]) == (True, True)
        assert tavern.ask("GET", "/api/plugins", headers=headers).json() == []
        made = tavern.ask("POST", "/api/projects", json={"name": str(headers)}, headers=headers)
        assert made.status == 201


@pytest.mark.parametrize("wrong", ["", "open sesam", "open sesame ", "Open Sesame", "\x00", "ß"])
def test_another_access_password_opens_nothing(locked: None, tavern: Tavern, wrong: str) -> None:
    answer = login(tavern, None, wrong)
    assert answer.status == 401
    assert "set-cookie" not in answer.headers


def test_a_new_access_password_ends_the_sessions_of_the_old_one(
    locked: None, either_tavern: Tavern, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers = bearer(login(either_tavern, None, ACCESS_PASSWORD).json()["token"])
    assert either_tavern.ask("GET", "/api/plugins", headers=headers).status == 200
    monkeypatch.setenv("TAVERN_ACCESS_PASSWORD", "another")
    either_tavern.start_anew()
    assert either_tavern.ask("GET", "/api/plugins", headers=headers).status == 401


def test_the_access_password_is_kept_nowhere(locked: None, tavern: Tavern) -> None:
    login(tavern, None, ACCESS_PASSWORD)
    file = container.settings().data_dir / "tavern.db"
    stored = b"".join(part.read_bytes() for part in file.parent.iterdir() if part.is_file())
    assert b"session#" in stored
    assert ACCESS_PASSWORD.encode() not in stored
    assert ACCESS_PASSWORD not in repr(container.settings())


def test_sessions_of_one_mode_are_none_in_another(
    locked: None, tavern: Tavern, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = login(tavern, None, ACCESS_PASSWORD)
    monkeypatch.delenv("TAVERN_ACCESS_PASSWORD")
    monkeypatch.setenv("TAVERN_MODE", "MultiUser")
    tavern.start_anew()
    first = register(tavern, "root")
    assert tavern.ask("GET", "/api/plugins", headers=cookie(alone)).status == 401
    assert tavern.ask("GET", "/api/plugins", headers=bearer(first)).status == 200
    monkeypatch.setenv("TAVERN_MODE", "SingleUser")
    tavern.start_anew()
    assert tavern.ask("GET", "/api/plugins", headers=bearer(first)).status == 401


def test_a_key_of_the_one_user_is_nobodys_where_there_are_accounts(
    either_tavern: Tavern, monkeypatch: pytest.MonkeyPatch
) -> None:
    """He is an administrator, and no password ties his keys to the mode they were made in."""
    draft = {"scopes": ["read", "write", "run", "admin"]}
    made = either_tavern.ask("POST", "/api/users/me/service-keys", json=draft)
    key = bearer(made.json()["secret"])
    ticket = either_tavern.ask("POST", "/api/auth/ws-ticket", headers=key).json()["ticket"]
    assert either_tavern.ask("GET", "/api/admin/users", headers=key).status == 200
    monkeypatch.setenv("TAVERN_MODE", "MultiUser")
    either_tavern.start_anew()
    for path in ("/api/plugins", "/api/admin/users"):
        assert either_tavern.ask("GET", path, headers=key).status == 401
    assert either_tavern.connect("script", **key) == 401
    assert either_tavern.connect("script", query=f"ticket={ticket}") == 401


def test_a_socket_of_the_open_mode_says_nothing_once_it_is_locked(
    tavern: Tavern, monkeypatch: pytest.MonkeyPatch
) -> None:
    tavern.connect()
    hello = '{"type": "get_node_definitions"}'
    assert tavern.status_of(hello, "ada") == 200
    monkeypatch.setenv("TAVERN_ACCESS_PASSWORD", ACCESS_PASSWORD)
    tavern.start_anew()
    assert tavern.status_of(hello, "ada") == 410


def test_sockets_open_by_bearer_and_by_cookie(locked: None, either_tavern: Tavern) -> None:
    answer = login(either_tavern, None, ACCESS_PASSWORD)
    token = answer.json()["token"]
    assert either_tavern.connect("ada", authorization=f"Bearer {token}") == 200
    assert either_tavern.connect("bob", cookie=cookie(answer)["Cookie"], origin=ORIGIN) == 200
    assert either_tavern.connect("eve", cookie=cookie(answer)["Cookie"], origin=FOREIGN) == 403
    found = container.connections().find("ada")
    assert found is not None
    (session,) = either_tavern.ask("GET", "/api/auth/sessions", headers=bearer(token)).json()
    assert (found[0].kind, found[0].identity) == ("session", session["id"])
