"""Attacks that cross the groups of routes; those on one group are with its tests."""

import cProfile
import logging
from types import CodeType

import pytest

from chalicelib import container
from chalicelib.errors import InvalidInput, NotSignedIn, TooManyRequests
from chalicelib.security import tokens
from chalicelib.services.accounts.attempts import Client, Origin
from infra.resources import ResourceNames
from tests.api.belongings import Owner, make_things, stored
from tests.api.identities import uid_of
from tests.api.people import PASSWORD, account, bearer, login, register, sign_in
from tests.api.product import Tavern
from tests.aws_calls import counted_aws_calls

NEW = "another good password"
EVIL = "http://evil.example"
KEYS = "/api/users/me/service-keys"
CREDENTIALS = "/api/users/me/credentials"


# Guessing.


def test_a_guess_at_a_token_costs_no_read_and_a_good_one_tells_nothing(
    accounts: None, aws_tavern: Tavern
) -> None:
    token = register(aws_tavern, "root", inviteCode=container.invites().create(admin=True))
    mistyped = f"{token[:30]}{'a' if token[30] != 'a' else 'b'}{token[31:]}"
    known = tokens.mint(tokens.SESSION, token[4:20]).text  # another secret at the same place
    made, bodies = {}, set()
    shown = {"nothing": "x", "mistyped": mistyped, "new": tokens.mint(tokens.SESSION).text}
    with counted_aws_calls() as calls:
        for what, guess in {**shown, "known": known}.items():
            calls.clear()
            answer = aws_tavern.ask("GET", "/api/projects", headers=bearer(guess))
            assert answer.status == 401
            made[what] = [*calls]
            bodies.add(answer.body)
    read = ["dynamodb.GetItem"]
    assert made == {"nothing": [], "mistyped": [], "new": read, "known": read}
    assert len(bodies) == 1


@pytest.mark.parametrize("name", ["root", "nobody", "\0", "x" * 300])
def test_who_is_unknown_costs_as_many_hashes_as_who_is_known(many: Tavern, name: str) -> None:
    with cProfile.Profile() as profile, pytest.raises(NotSignedIn):
        container.sign_in().login(sign_in(name, "wrong password"), HERE)
    assert hashes(profile) == 1


@pytest.mark.parametrize("size", [1025, 100_000])
def test_a_very_long_password_is_refused_before_it_is_hashed(many: Tavern, size: int) -> None:
    with cProfile.Profile() as profile:
        with pytest.raises(InvalidInput):
            container.sign_in().login(sign_in("root", "x" * size), HERE)
        with pytest.raises(InvalidInput):
            container.sign_in().register(account("eve", "x" * size), HERE)
    assert hashes(profile) == 0


def test_who_guesses_too_often_costs_no_more_hashes(many: Tavern) -> None:
    for _ in range(10):
        assert login(many, "root", "wrong password").status == 401
    with cProfile.Profile() as profile, pytest.raises(TooManyRequests):
        container.sign_in().login(sign_in("root"), HERE)
    assert hashes(profile) == 0


# What a request can say of itself.


@pytest.mark.parametrize("name", ["token", "access_token", "authorization", "api_key", "ticket"])
def test_a_token_in_an_address_is_nobodys(many: Tavern, name: str) -> None:
    token = login(many, "root").json()["token"]
    for given in (token, f"Bearer%20{token}"):
        assert many.ask("GET", f"/api/projects?{name}={given}").status == 401
        assert many.connect(query=f"{name}={given}") == 401


def test_a_password_in_an_address_signs_nobody_in_and_is_in_no_log(
    many: Tavern, caplog: pytest.LogCaptureFixture
) -> None:
    query = "&".join(f"{key}={value}" for key, value in sign_in("root", "let-me-in-77").items())
    with caplog.at_level(logging.DEBUG):
        for body in (b"", b"{}"):
            assert many.ask("POST", f"/api/auth/login?{query}", body=body).status == 400
    assert caplog.records
    assert "let-me-in-77" not in "".join(str(vars(record)) for record in caplog.records)


@pytest.mark.parametrize(
    "header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"]
)
def test_no_header_makes_a_read_a_write(many: Tavern, header: str) -> None:
    root = Owner(many, uid_of("root"), "root", bearer(login(many, "root").json()["token"]))
    root.ask("POST", "/api/projects", {"name": "tales"})
    root.ask("GET", "/api/projects/tales", **{header: "DELETE"})
    root.ask("GET", "/api/projects/tales")


@pytest.mark.parametrize("header", ["X-User", "X-Forwarded-User", "Remote-User", "X-Original-Url"])
def test_no_header_makes_anybody_somebody(many: Tavern, header: str) -> None:
    for value in ("root", uid_of("root"), "/api/auth/current"):
        assert many.ask("GET", "/api/projects", headers={header: value}).status == 401


@pytest.mark.parametrize("name", ["next", "redirect", "return_to", "url", "continue"])
def test_no_address_in_a_request_sends_a_browser_anywhere(many: Tavern, name: str) -> None:
    query = f"{name}={EVIL}"
    answers = [
        many.ask("POST", f"/api/auth/login?{query}", json={**sign_in("root"), name: EVIL}),
        many.ask("GET", f"/api/auth/current?{query}"),
        many.ask("GET", f"/{EVIL}"),
        many.ask("GET", "//evil.example/%2e%2e"),
    ]
    for answer in answers:
        assert answer.status not in range(300, 400)
        assert "location" not in answer.headers
        assert "evil.example" not in str({**answer.headers})


# What a body can say beside what it is asked for.


def test_no_body_says_whose_a_thing_is(many: Tavern) -> None:
    register(many, "ada")
    eve = Owner(many, "", "eve", bearer(register(many, "eve")))
    owned = {name: uid_of("ada") for name in ("uid", "owner", "ownerId", "userId", "user")}
    before = stored(None, uid_of("ada"))
    plot = {"name": "plot", "nodes": [], "edges": []}
    eve.ask("POST", "/api/projects", {"name": "tales", **owned})
    eve.ask("POST", "/api/projects/tales/workflows", {**plot, **owned})
    eve.ask("POST", KEYS, {"name": "k", **owned})
    eve.ask("POST", CREDENTIALS, {"serviceName": "s", "credential": "c" * 20, **owned})
    eve.ask("PUT", "/api/users/me/username", {"username": "eve the second", **owned})
    eve.tavern.ask("POST", "/api/prompt", json={**owned, "nodes": []}, headers=eve.headers)
    gone = stored(None, uid_of("ada")) ^ before
    assert {row for row in gone if uid_of("eve the second") not in row} == set()
    assert uid_of("ada") != uid_of("eve the second")


def test_no_body_makes_a_key_or_a_user_more_than_it_is(many: Tavern) -> None:
    register(many, "ada")
    eve = Owner(many, "", "eve", bearer(register(many, "eve")))
    more = {"isAdmin": True, "is_admin": True, "admin": True, "quotas": {"bytes": 2**50}}
    forged = {"id": "mine", "hash": "0" * 64, "lookup": "0" * 16, "secret": "ctsk_mine"}
    eve.ask("PUT", "/api/users/me/username", {"username": "eve", **more, **forged})
    made = eve.ask("POST", KEYS, {"scopes": ["read"], **more, **forged, "madeBy": "x"}).json()
    assert made["scopes"] == ["read"]
    assert not {made["id"], made["secret"]} & {*forged.values()}
    user = eve.ask("GET", "/api/auth/current").json()["currentUser"]
    assert user["isAdmin"] is False
    assert not container.users().get(user["uid"]).value.get("quotas")
    everything = "/api/executions?scope=all"
    for token in (eve.headers, bearer(made["secret"])):
        assert many.ask("GET", everything, headers=token).status == 403


# Ways round the names of things.


def test_no_path_climbs_out_of_ones_own_things(many: Tavern) -> None:
    token = register(many, "ada")
    ada = Owner(many, uid_of("ada"), "ada", bearer(token))
    eve = bearer(register(many, "eve"))
    make_things(ada)
    before = stored(None, ada.uid)
    up = [
        steps.format(uid=ada.uid)
        for steps in (
            "..%2F..%2F{uid}%2Fprojects%2Fada-tales",
            "..%2f..%2f..%2fusers%2f{uid}%2fprojects%2fada-tales",
            "%252e%252e%252f{uid}",
            "..%5C..%5C{uid}%5Cprojects%5Cada-tales",
            "{uid}%2Fprojects%2Fada-tales",
            "ada-tales%00",
            "..;%2F{uid}%2Fada-tales",
            "%C0%AE%C0%AE%C0%AF{uid}",
        )
    ]
    found = [
        (method, path, answer.status)
        for segment in up
        for path in (
            f"/api/projects/{segment}",
            f"/api/projects/{segment}/workflows/ada-plot",
            f"/api/projects/ada-tales/workflows/{segment}",
            f"/api/prompt/{segment}",
            f"/api/recycle-bin/{segment}",
            f"/api/auth/sessions/{segment}",
            f"{KEYS}/{segment}",
            f"{CREDENTIALS}/{segment}",
        )
        for method in ("GET", "PUT", "DELETE")
        for answer in (many.ask(method, path, json={"name": "mine"}, headers=eve),)
        if answer.status not in (400, 404, 405)
    ]
    assert found == []
    assert stored(None, ada.uid) == before


def test_things_of_one_name_are_two_users_two_things(many: Tavern) -> None:
    tokens_of = {name: register(many, name) for name in ("ada", "eve")}
    ada, eve = (
        Owner(many, uid_of(name), "same", bearer(token)) for name, token in tokens_of.items()
    )
    adas = make_things(ada)
    many.work()  # or her run would begin among what Eve does
    before = stored(None, ada.uid)
    eves = make_things(eve)
    assert (adas["project_id"], adas["workflow_id"]) == (eves["project_id"], eves["workflow_id"])
    target = f"/api/projects/{eves['project_id']}"
    eve.ask("PUT", f"{target}/workflows/{eves['workflow_id']}", {"name": "other"})
    eve.ask("DELETE", target)
    eve.ask("DELETE", "/api/recycle-bin")
    assert stored(None, ada.uid) == before


# What must be nowhere.


def test_what_signs_in_is_in_no_log_line_and_no_stored_byte(
    accounts: None,
    either_tavern: Tavern,
    moto_names: ResourceNames,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tavern = either_tavern
    with caplog.at_level(logging.DEBUG):
        code = container.invites().create(admin=True)
        first = register(tavern, "root", inviteCode=code)
        second = login(tavern, "root").json()["token"]
        change = {"currentPassword": PASSWORD, "newPassword": NEW}
        tavern.ask("PUT", "/api/auth/password", json=change, headers=bearer(second))
        key = tavern.ask("POST", KEYS, json={}, headers=bearer(second)).json()["secret"]
        target = "/api/auth/ws-ticket"
        ticket = tavern.ask("POST", target, headers=bearer(key)).json()["ticket"]
        assert tavern.connect(query=f"ticket={ticket}") == 200
        for wrong in ("a wrong guess", f"{NEW} "):
            assert login(tavern, "root", wrong).status == 401
        assert tavern.ask("GET", "/api/projects", headers=bearer(first)).status == 401
    secret = [PASSWORD, NEW, "a wrong guess", code, *(t[20:] for t in (first, second, key, ticket))]
    logged = "".join(str(vars(record)) for record in caplog.records).encode()
    names = None if container.settings().backend == "embedded" else moto_names
    assert b"password changed" in logged
    assert stored(names, key[5:21]) != set()  # what finds its row is no secret
    assert [text for text in secret if text.encode() in logged] == []
    assert stored(names, *secret) == set()


HERE = Client(Origin("127.0.0.1"), None)


def hashes(profile: cProfile.Profile) -> int:
    """How many passwords were hashed or compared with a hash meanwhile."""
    return sum(
        entry.callcount
        for entry in profile.getstats()
        if isinstance(entry.code, CodeType)
        and entry.code.co_filename.endswith("security/passwords.py")
        and entry.code.co_name in ("hash_password", "verify")
    )
