"""Accounts: who may make one, under which name, and who gets in."""

import os
import re
import statistics
import time

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from chalicelib import container
from chalicelib.security import passwords
from tests.api.hostile import assert_error
from tests.api.people import (
    PASSWORD,
    account,
    cookie,
    login,
    register,
    registrations,
    sign_in,
)
from tests.api.product import Ask, Tavern
from tests.aws_calls import counted_aws_calls


def test_the_first_account_is_the_administrators(accounts: None, tavern: Tavern) -> None:
    before = tavern.ask("GET", "/api/auth/current").json()
    assert before == {
        "mode": "MultiUser",
        "multiUserMode": True,
        "isAuthenticated": False,
        "currentUser": None,
        "adminRegistrationRequired": True,
    }
    answer = tavern.ask("POST", "/api/auth/register", json=account("  Root "))
    assert answer.status == 201
    user = answer.json()["currentUser"]
    assert (user["username"], user["isAdmin"], user["serviceApiKeys"]) == ("Root", True, [])
    after = tavern.ask("GET", "/api/auth/current", headers=cookie(answer)).json()
    assert after == {
        "mode": "MultiUser",
        "multiUserMode": True,
        "isAuthenticated": True,
        "currentUser": user,
    }
    assert tavern.ask("GET", "/api/auth/current").json()["adminRegistrationRequired"] is False
    second = tavern.ask("POST", "/api/auth/register", json=account("ada"))
    assert second.json()["currentUser"]["isAdmin"] is False


def test_of_two_first_accounts_at_once_one_is_the_administrators(
    accounts: None, either_tavern: Tavern
) -> None:
    code = container.invites().create(admin=True) if os.environ.get("BACKEND") else None
    asks = [
        Ask("POST", "/api/auth/register", account(f"user{number}", inviteCode=code))
        for number in range(4)
    ]
    answers = either_tavern.ask_at_once(*asks)
    made = [answer.json()["currentUser"] for answer in answers if answer.status == 201]
    assert sum(user["isAdmin"] for user in made) == 1
    assert len(made) == (1 if code else 4)


def test_in_the_cloud_the_first_account_needs_the_operators_code(
    accounts: None, aws_tavern: Tavern
) -> None:
    plain = container.invites().create(admin=False)
    for code in (None, "nonsense", plain):
        body = account("eve", inviteCode=code)
        assert aws_tavern.ask("POST", "/api/auth/register", json=body).status == 403
    assert aws_tavern.ask("GET", "/api/auth/current").json()["adminRegistrationRequired"] is True
    code = container.invites().create(admin=True)
    body = account("root", inviteCode=f" {code.upper()} ")
    answer = aws_tavern.ask("POST", "/api/auth/register", json=body)
    assert (answer.status, answer.json()["currentUser"]["isAdmin"]) == (201, True)


def test_an_invitation_is_good_for_one_account(
    either_tavern: Tavern, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAVERN_MODE", "MultiUser")
    tavern, invites = either_tavern, container.invites()
    register(tavern, "root", inviteCode=invites.create(admin=True))
    without = tavern.ask("POST", "/api/auth/register", json=account("ada"))
    assert without.status == 403
    assert_error(without.json())
    code = invites.create(admin=False)
    asks = [
        Ask("POST", "/api/auth/register", account(name, inviteCode=code))
        for name in ("ada", "bob", "cy")
    ]
    answers = tavern.ask_at_once(*asks)
    assert sorted(answer.status for answer in answers) == [201, 403, 403]
    again = tavern.ask("POST", "/api/auth/register", json=account("dan", inviteCode=code))
    assert again.status == 403


def test_who_has_no_code_does_not_learn_which_names_are_taken(
    tavern: Tavern, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAVERN_MODE", "MultiUser")
    register(tavern, "root")
    answers = [
        tavern.ask("POST", "/api/auth/register", json=account(name)) for name in ("root", "free")
    ]
    assert [answer.status for answer in answers] == [403, 403]
    assert answers[0].body == answers[1].body


def test_a_name_that_is_taken_does_not_use_up_a_code(many: Tavern) -> None:
    code = container.invites().create(admin=False)
    taken = many.ask("POST", "/api/auth/register", json=account("ROOT", inviteCode=code))
    assert taken.status == 409
    assert taken.json()["details"] == {"username": ["is taken"]}
    register(many, "ada", inviteCode=code)


def test_of_ten_registrations_of_one_name_at_once_one_succeeds(either_many: Tavern) -> None:
    answers = either_many.ask_at_once(*registrations(10, "Ada"))
    assert sorted(answer.status for answer in answers) == [201] + [409] * 9
    assert login(either_many, "ada").status == 200


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ada", "aDA"),
        ("Straße", "STRASSE"),
        ("Ａｄａ", "ada"),
        ("é", "e\u0301"),
        ("ad\u200da", "ada"),
        (" ada", "ada "),
    ],
)
def test_names_that_look_alike_are_one(many: Tavern, one: str, other: str) -> None:
    register(many, one)
    assert many.ask("POST", "/api/auth/register", json=account(other)).status == 409
    assert login(many, other).status == 200


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "a" * 51,
        "ﷺ" * 10,
        "a\x00b",
        "a\nb",
        "a\u202eb",
        "a\u2028b",
        "\u200d",
        *("\u3164", "ada\u3164", "ada\uffa0", "ada\u115f", "ada\u1160"),
        *("ada\u2800", "\u2800", "a\u034fda", "ada\U000e0100", "ada\u180b", "a\u1680da"),
        "\ue000",
        None,
        7,
        ["ada"],
        "a" * 100_000,
    ],
)
def test_what_is_no_username_is_a_400(many: Tavern, name: object) -> None:
    body = {"username": name, "password": PASSWORD}
    answer = many.ask("POST", "/api/auth/register", json=body)
    assert answer.status == 400
    assert "username" in answer.json()["details"]


@pytest.mark.parametrize(
    "name", ["a", "A" * 50, "日本語", "O'Neill <b>", "../x", "a b", "👩\u200d🚀", "❤\ufe0f"]
)
def test_other_names_are_fine(many: Tavern, name: str) -> None:
    register(many, name)
    answer = login(many, name)
    assert answer.json()["currentUser"]["username"] == name


@pytest.mark.parametrize("password", ["", "1234567", "a" * 1025, None, 12345678, {"a": 1}])
def test_what_is_no_new_password_is_a_400_that_does_not_repeat_it(
    many: Tavern, password: object
) -> None:
    body = {"username": "ada", "password": password}
    answer = many.ask("POST", "/api/auth/register", json=body)
    assert answer.status == 400
    assert "password" in answer.json()["details"]
    assert "1234567" not in answer.body.decode()


@pytest.mark.parametrize("password", ["12345678", "🐉" * 1024, "null\x00byte", " blanks  "])
def test_other_passwords_are_fine(many: Tavern, password: str) -> None:
    register(many, "ada", password)
    assert login(many, "ada", password).status == 200
    assert login(many, "ada", password[:-1]).status == 401


@pytest.mark.parametrize("more", [{"isAdmin": True}, {"is_admin": True}, {"uid": "root"}])
def test_nobody_makes_himself_an_administrator(many: Tavern, more: dict[str, object]) -> None:
    own = {"scopes": ["admin"], "disabled": False, "passwordHash": "x"}
    body = {**account("eve"), **own, **more}
    user = many.ask("POST", "/api/auth/register", json=body).json()["currentUser"]
    assert user["isAdmin"] is False
    assert re.fullmatch("[a-z0-9]{25}", user["uid"])
    again = many.ask("POST", "/api/auth/login", json={**sign_in("eve"), **more})
    assert again.json()["currentUser"]["isAdmin"] is False


def test_who_is_unknown_and_who_has_another_password_get_the_same_answer(many: Tavern) -> None:
    answers = [login(many, name, "wrong password") for name in ("root", "nobody", "\x00", "")]
    assert {answer.status for answer in answers} == {401}
    assert len({answer.body for answer in answers}) == 1


def test_an_unknown_name_takes_as_many_calls_and_as_long(
    accounts: None, aws_tavern: Tavern
) -> None:
    register(aws_tavern, "root", inviteCode=container.invites().create(admin=True))
    seconds: dict[str, list[float]] = {"root": [], "nobody": []}
    made: dict[str, list[str]] = {}
    with counted_aws_calls() as calls:
        for _ in range(4):
            for name, taken in seconds.items():
                calls.clear()
                started = time.perf_counter()
                assert login(aws_tavern, name, "wrong password").status == 401
                taken.append(time.perf_counter() - started)
                made[name] = [*calls]
    assert made["root"] == made["nobody"]
    known, unknown = (statistics.median(taken) for taken in seconds.values())
    assert unknown > known / 2


def test_without_a_name_nobody_signs_in_to_accounts(many: Tavern) -> None:
    answer = login(many, None)
    assert answer.status == 400
    assert "username" in answer.json()["details"]


def test_a_disabled_user_is_refused_like_anybody(many: Tavern) -> None:
    register(many, "ada")
    holdings = container.users().by_name("ada")
    assert holdings is not None
    container.accounts().write(holdings.user.changed(disabled=True))
    assert login(many, "ada").body == login(many, "nobody").body


def test_a_password_hashed_with_less_is_hashed_anew(many: Tavern) -> None:
    uid = str(
        many.ask("POST", "/api/auth/register", json=account("ada")).json()["currentUser"]["uid"]
    )
    cheap = Argon2id(salt=b"0123456789abcdef", length=32, iterations=1, lanes=1, memory_cost=8192)
    weak = cheap.derive_phc_encoded(PASSWORD.encode())
    container.accounts().write(container.users().get(uid).changed(passwordHash=weak))
    assert login(many, "ada", "wrong password").status == 401
    assert container.users().get(uid).password_hash == weak
    assert login(many, "ada").status == 200
    stronger = container.users().get(uid).password_hash
    assert stronger is not None
    assert not passwords.needs_rehash(stronger)
    assert login(many, "ada").status == 200
