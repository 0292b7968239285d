"""Sessions: listed, ended one by one, and by another password."""

from collections.abc import Callable

import pytest

from chalicelib import container
from chalicelib.services.accounts import rows
from tests.api.people import PASSWORD, account, bearer, cookie, login, register
from tests.api.product import Ask, Tavern

NEW = "another good password"


@pytest.fixture
def tavern_of_many(monkeypatch: pytest.MonkeyPatch, either_tavern: Tavern) -> Tavern:
    """With accounts on both families; ada and eve have one each."""
    monkeypatch.setenv("TAVERN_MODE", "MultiUser")
    monkeypatch.setenv("TAVERN_REGISTRATION", "open")
    either_tavern.start_anew()
    for name in ("root", "ada", "eve"):
        code = container.invites().create(admin=True) if name == "root" else None
        register(either_tavern, name, inviteCode=code)
    return either_tavern


def token(tavern: Tavern, name: str, password: str = PASSWORD) -> str:
    answer = login(tavern, name, password)
    assert answer.status == 200
    return str(answer.json()["token"])


def status(tavern: Tavern, shown: str) -> int:
    return tavern.ask("GET", "/api/plugins", headers=bearer(shown)).status


def change(tavern: Tavern, headers: dict[str, str], current: str, new: str) -> int:
    body = {"currentPassword": current, "newPassword": new}
    return tavern.ask("PUT", "/api/auth/password", json=body, headers=headers).status


def test_a_user_sees_his_own_sessions_and_no_secrets(tavern_of_many: Tavern) -> None:
    tavern = tavern_of_many
    first = login(tavern, "ada", **{"User-Agent": "Firefox"}).json()["token"]
    second = token(tavern, "ada")
    answer = tavern.ask("GET", "/api/auth/sessions", headers=bearer(second))
    sessions = answer.json()
    assert len(sessions) == 3  # and that of the registration
    for session in sessions:
        assert {*session} - {"userAgent"} == {
            "id",
            "createdAt",
            "lastUsedAt",
            "expiresAt",
            "current",
        }
        assert session["createdAt"] <= session["lastUsedAt"] < session["expiresAt"]
    assert [session["current"] for session in sessions].count(True) == 1
    assert [session.get("userAgent") for session in sessions].count("Firefox") == 1
    for shown in (first, second):
        assert shown[4:20] not in answer.body.decode()


def test_a_session_that_is_ended_is_over_and_the_others_go_on(tavern_of_many: Tavern) -> None:
    tavern = tavern_of_many
    lost, kept = token(tavern, "ada"), token(tavern, "ada")
    (gone,) = [
        session["id"]
        for session in tavern.ask("GET", "/api/auth/sessions", headers=bearer(lost)).json()
        if session["current"]
    ]
    target = f"/api/auth/sessions/{gone}"
    assert tavern.ask("DELETE", target, headers=bearer(kept)).status == 204
    assert (status(tavern, lost), status(tavern, kept)) == (401, 200)
    assert tavern.ask("DELETE", target, headers=bearer(kept)).status == 404
    assert container.accounts().get(rows.REVOCATIONS, f"{uid_of(tavern, kept)}#{gone}") is not None


def uid_of(tavern: Tavern, shown: str) -> str:
    current = tavern.ask("GET", "/api/auth/current", headers=bearer(shown)).json()
    return str(current["currentUser"]["uid"])


def test_of_two_who_end_a_session_at_once_one_finds_it(tavern_of_many: Tavern) -> None:
    tavern = tavern_of_many
    shown = token(tavern, "ada")
    sessions = tavern.ask("GET", "/api/auth/sessions", headers=bearer(shown)).json()
    (other,) = [session["id"] for session in sessions if not session["current"]]
    asks = [Ask("DELETE", f"/api/auth/sessions/{other}", headers=bearer(shown)) for _ in range(4)]
    answers = tavern.ask_at_once(*asks)
    assert sorted(answer.status for answer in answers) == [204, 404, 404, 404]


@pytest.mark.parametrize("method", ["DELETE"])
def test_someone_elses_session_is_not_there(tavern_of_many: Tavern, method: str) -> None:
    tavern = tavern_of_many
    adas, eves = token(tavern, "ada"), token(tavern, "eve")
    sessions = tavern.ask("GET", "/api/auth/sessions", headers=bearer(adas)).json()
    for session in sessions:
        target = f"/api/auth/sessions/{session['id']}"
        assert tavern.ask(method, target, headers=bearer(eves)).status == 404
    assert status(tavern, adas) == 200


@pytest.mark.parametrize("session_id", ["x", "..%2Fprofile", "%00", "a" * 900, "%23", "profile"])
def test_an_id_that_is_none_is_not_there(tavern_of_many: Tavern, session_id: str) -> None:
    headers = bearer(token(tavern_of_many, "ada"))
    target = f"/api/auth/sessions/{session_id}"
    assert tavern_of_many.ask("DELETE", target, headers=headers).status == 404


def test_a_logout_ends_the_session_and_drops_the_cookie(tavern_of_many: Tavern) -> None:
    tavern = tavern_of_many
    answer, other = login(tavern, "ada"), token(tavern, "ada")
    out = tavern.ask("POST", "/api/auth/logout", headers=cookie(answer))
    assert (out.status, out.body) == (204, b"")
    assert out.headers["set-cookie"].startswith("tavern_session=; Max-Age=0;")
    assert (status(tavern, answer.json()["token"]), status(tavern, other)) == (401, 200)
    assert tavern.ask("POST", "/api/auth/logout", headers=cookie(answer)).status == 401


def test_another_password_ends_the_other_sessions_and_keeps_this_one(
    tavern_of_many: Tavern,
) -> None:
    tavern = tavern_of_many
    others, mine, eves = (
        [token(tavern, "ada") for _ in range(3)],
        token(tavern, "ada"),
        token(tavern, "eve"),
    )
    assert change(tavern, bearer(mine), PASSWORD, NEW) == 204
    assert [status(tavern, shown) for shown in others] == [401, 401, 401]
    assert (status(tavern, mine), status(tavern, eves)) == (200, 200)
    assert login(tavern, "ada").status == 401
    assert login(tavern, "ada", NEW).status == 200


def test_another_password_ends_however_many_sessions(tavern_of_many: Tavern) -> None:
    tavern = tavern_of_many
    others = [token(tavern, "ada") for _ in range(23)]
    mine = token(tavern, "ada")
    assert change(tavern, bearer(mine), PASSWORD, NEW) == 204
    assert {status(tavern, shown) for shown in others} == {401}
    assert len(tavern.ask("GET", "/api/auth/sessions", headers=bearer(mine)).json()) == 1


def test_a_wrong_current_password_changes_nothing_and_may_be_guessed_ten_times(
    tavern_of_many: Tavern,
) -> None:
    tavern = tavern_of_many
    other, mine = token(tavern, "ada"), bearer(token(tavern, "ada"))
    assert [change(tavern, mine, f"guess {n}", NEW) for n in range(11)] == [403] * 10 + [429]
    assert status(tavern, other) == 200


@pytest.mark.parametrize("new", ["1234567", "a" * 1025, None, 7])
def test_what_is_no_new_password_changes_nothing(tavern_of_many: Tavern, new: object) -> None:
    headers = bearer(token(tavern_of_many, "ada"))
    body = {"currentPassword": PASSWORD, "newPassword": new}
    answer = tavern_of_many.ask("PUT", "/api/auth/password", json=body, headers=headers)
    assert answer.status == 400
    assert "newPassword" in answer.json()["details"]
    assert login(tavern_of_many, "ada").status == 200


def test_of_two_who_change_a_password_at_once_one_does(tavern_of_many: Tavern) -> None:
    tavern = tavern_of_many
    headers = bearer(token(tavern, "ada"))
    asks = [
        Ask(
            "PUT",
            "/api/auth/password",
            {"currentPassword": PASSWORD, "newPassword": f"{NEW} {number}"},
            headers=headers,
        )
        for number in range(2)
    ]
    answers = tavern.ask_at_once(*asks)
    assert {answer.status for answer in answers} <= {204, 403, 409}
    done = [number for number, answer in enumerate(answers) if answer.status == 204]
    assert len(done) == 1
    assert login(tavern, "ada", f"{NEW} {done[0]}").status == 200


KEYS_MAY_NOT: list[tuple[str, str, Callable[[str], object]]] = [
    ("POST", "/api/auth/logout", lambda _: None),
    ("PUT", "/api/auth/password", lambda _: {"currentPassword": PASSWORD, "newPassword": NEW}),
    ("GET", "/api/auth/sessions", lambda _: None),
    ("DELETE", "/api/auth/sessions/x", lambda _: None),
]


@pytest.mark.parametrize(("method", "path", "body"), KEYS_MAY_NOT)
def test_a_key_has_no_say_over_sessions_and_passwords(
    tavern_of_many: Tavern, method: str, path: str, body: Callable[[str], object]
) -> None:
    tavern = tavern_of_many
    root = bearer(token(tavern, "root"))
    draft = {"scopes": ["read", "write", "run", "admin"]}
    made = tavern.ask("POST", "/api/users/me/service-keys", json=draft, headers=root)
    key = bearer(made.json()["secret"])
    assert tavern.ask("GET", "/api/plugins", headers=key).status == 200
    assert tavern.ask(method, path, json=body(path), headers=key).status == 403


def test_a_key_in_the_cookie_is_nobodys(tavern_of_many: Tavern) -> None:
    tavern = tavern_of_many
    root = bearer(token(tavern, "root"))
    made = tavern.ask("POST", "/api/users/me/service-keys", headers=root)
    headers = {"Cookie": f"tavern_session={made.json()['secret']}"}
    assert tavern.ask("GET", "/api/plugins", headers=headers).status == 401


def test_the_user_context_lists_keys_and_credentials(tavern_of_many: Tavern) -> None:
    tavern = tavern_of_many
    headers = bearer(token(tavern, "ada"))
    key = tavern.ask("POST", "/api/users/me/service-keys", json={"name": "ci"}, headers=headers)
    draft = {"serviceName": "mail", "credential": "hunter2"}
    kept = tavern.ask("POST", "/api/users/me/credentials", json=draft, headers=headers)
    answer = tavern.ask("GET", "/api/auth/current", headers=headers)
    user = answer.json()["currentUser"]
    assert [each["id"] for each in user["serviceApiKeys"]] == [key.json()["id"]]
    assert [each["id"] for each in user["externalCredentials"]] == [kept.json()["id"]]
    assert key.json()["secret"] not in answer.body.decode()
    assert "hunter2" not in answer.body.decode()
    again = tavern.ask("POST", "/api/auth/login", json={"username": "ada", "password": PASSWORD})
    assert again.json()["currentUser"] == user


def test_users_do_not_see_each_others_projects(tavern_of_many: Tavern) -> None:
    tavern = tavern_of_many
    adas, eves = bearer(token(tavern, "ada")), bearer(token(tavern, "eve"))
    assert tavern.ask("POST", "/api/projects", json={"name": "Tales"}, headers=adas).status == 201
    assert tavern.ask("GET", "/api/projects", headers=eves).json() == []
    assert tavern.ask("GET", "/api/projects/Tales", headers=eves).status == 404
    assert tavern.ask("POST", "/api/projects", json={"name": "Tales"}, headers=eves).status == 201


def test_a_new_account_has_a_session_of_its_own(tavern_of_many: Tavern) -> None:
    answer = tavern_of_many.ask("POST", "/api/auth/register", json=account("bob"))
    headers = bearer(answer.json()["token"])
    (session,) = tavern_of_many.ask("GET", "/api/auth/sessions", headers=headers).json()
    assert session["current"] is True
    assert session["expiresAt"] == answer.json()["expiresAt"]
