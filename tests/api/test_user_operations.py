"""What operators and administrators do with accounts, on both families."""

import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from chalicelib import admin, container
from chalicelib.adapters.aws import clients
from tests.api.people import PASSWORD, account, bearer, login, register
from tests.api.pictures import form, part
from tests.api.product import Tavern
from tests.api.test_admin import document, refused
from tests.api.test_admin import rows as answered
from tests.builders import node, payload

RUN = payload([node("n", "core:TextMerge", inputs={"text_inputs": ["a", "b"]})])
LARGE = payload([node("n", "core:TextMerge", inputs={"text_inputs": ["x" * 100_000]})])
NAME = "Eve of Destruction"


@pytest.fixture
def many(either_tavern: Tavern, monkeypatch: pytest.MonkeyPatch) -> Tavern:
    """A server with accounts that has an administrator, root."""
    monkeypatch.setenv("TAVERN_MODE", "MultiUser")
    monkeypatch.setenv("TAVERN_REGISTRATION", "open")
    either_tavern.start_anew()
    code = container.invites().create(admin=True)
    register(either_tavern, "root", inviteCode=code)
    return either_tavern


def settle(tavern: Tavern, token: str) -> str:
    """Leave something of every kind; the uid."""
    headers = bearer(token)
    for target, body in [
        ("/api/projects", {"name": "Tales"}),
        ("/api/projects/Tales/workflows", {"name": "One", "id": "one"}),
        ("/api/projects/Tales/workflows", {"name": "Two", "id": "two"}),
        ("/api/projects", {"name": "Gone"}),
        ("/api/users/me/service-keys", {"name": "script"}),
        ("/api/users/me/credentials", {"serviceName": "s", "credential": "very secret text"}),
        ("/api/prompt", LARGE),
    ]:
        key = {**headers, "Idempotency-Key": "settle"}
        answer = tavern.ask("POST", target, json=body, headers=key)
        assert answer.status in (200, 201), answer.body
    tavern.work()
    one = "/api/projects/Tales/workflows/one"
    tavern.ask("PUT", one, json={"name": "Renamed", "id": "one"}, headers=headers)
    tavern.ask("DELETE", one, headers=headers)
    tavern.ask("DELETE", "/api/projects/Gone", headers=headers)
    assert tavern.connect("socket", authorization=headers["Authorization"]) == 200
    return uid_of(tavern, token)


def uid_of(tavern: Tavern, token: str) -> str:
    """Whose token it is."""
    context = tavern.ask("GET", "/api/auth/current", headers=bearer(token)).json()
    return str(context["currentUser"]["uid"])


def everything(tavern: Tavern) -> list[str]:
    """All rows, objects and messages that the stores hold, as text."""
    if container.settings().backend == "embedded":
        with container.database().read() as sqlite:
            return [line for line in sqlite.iterdump() if line.startswith("INSERT")]
    found: list[str] = []
    for name in ("library", "executions", "accounts"):
        table = container.settings().resource(name)
        for page in clients.dynamodb().get_paginator("scan").paginate(TableName=table):
            found += [json.dumps(item, default=str) for item in page["Items"]]
    for key, version in container.documents().history(""):
        body = b"" if version.deleted else container.documents().get(key, version.version).body
        found.append(key + body.decode(errors="replace"))
    return found


def actions(tavern: Tavern, token: str) -> list[str]:
    """What a user's audit tells, the oldest first."""
    answer = tavern.ask("GET", "/api/users/me/audit?limit=200", headers=bearer(token))
    return [entry["act"] for entry in answer.json()["entries"]][::-1]


def test_an_invitation_makes_one_account(many: Tavern, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAVERN_REGISTRATION", "invite")
    many.start_anew()
    (made,) = answered("invite", admin=1, days=1)
    token = register(many, "second", inviteCode=made["code"])
    users = {row["username"]: row["administrator"] for row in answered("users")}
    assert users == {"root": "yes", "second": "yes"}
    assert many.ask("GET", "/api/admin/users", headers=bearer(token)).status == 200
    again = {"username": "third", "password": PASSWORD, "inviteCode": made["code"]}
    assert many.ask("POST", "/api/auth/register", json=again).status == 403


def test_a_password_is_reset_to_one_shown_once_and_all_sessions_end(many: Tavern) -> None:
    token = register(many, NAME)
    (reset,) = answered("reset-password", username=NAME)
    assert many.ask("GET", "/api/projects", headers=bearer(token)).status == 401
    assert login(many, NAME).status == 401
    answer = login(many, NAME, reset["password"])
    assert answer.status == 200
    told = actions(many, answer.json()["token"])
    # The first two may be of the same millisecond, and are in no order then.
    assert sorted(told[-4:-2]) == ["password-reset", "session-ended"]
    assert told[-2:] == ["sign-in-failed", "signed-in"]


def test_who_is_disabled_is_out_until_he_is_enabled(many: Tavern) -> None:
    token = register(many, NAME)
    made = many.ask("POST", "/api/users/me/service-keys", json={}, headers=bearer(token)).json()
    many.ask("POST", "/api/prompt", json=RUN, headers=bearer(token))
    (row,) = answered("disable", username=NAME)
    assert (row["sessionsEnded"], row["keysRemoved"], row["runsInterrupted"]) == (1, 1, 1)
    for each in (token, made["secret"]):
        assert many.ask("GET", "/api/projects", headers=bearer(each)).status == 401
    assert login(many, NAME).status == 401
    assert {each["username"]: each["disabled"] for each in answered("users")}[NAME] == "yes"
    answered("enable", username=NAME)
    back = login(many, NAME)
    assert back.status == 200
    many.work()
    running = many.ask("GET", "/api/executions", headers=bearer(back.json()["token"])).json()
    assert running == {"running": [], "pending": []}


def test_an_export_has_all_of_a_user_and_no_secret(many: Tavern) -> None:
    token = register(many, NAME)
    uid = settle(many, token)
    files: dict[str, str] = {}
    arguments: dict[str, Any] = {"username": NAME, "to": "x.zip"}
    while True:
        answer = document("export", **arguments)
        files |= {each["name"]: each["body"] for each in answer.get("files", [])}
        if "following" not in answer:
            break
        arguments |= answer["following"]
    folder = f"users/{uid}/projects/Tales"
    assert {"account.json", "library.json", f"{folder}/project.json"} <= set(files)
    assert f"{folder}/workflows/two.json" in files
    older = [name for name in files if name.startswith(f"versions/{folder}/workflows/one.json/")]
    assert len(older) >= 2
    assert sum(name.endswith("/run.json") for name in files) == 1
    account = base64.b64decode(files["account.json"]).decode()
    assert NAME in account
    for secret in ("passwordHash", "envelope", "argon2", "very secret text", token):
        assert secret not in account


def test_an_export_in_pieces_is_the_same(tavern: Tavern) -> None:
    big = "x" * 4_000_000
    documents = container.documents()
    for body in (b"1", big.encode(), b"3"):
        documents.put("users/default_user/projects/P/project.json", body)
    documents.put("runs/default_user/r/run.json", b"4")
    files: dict[str, bytes] = {}
    arguments: dict[str, Any] = {"username": "default_user", "to": "x.zip"}
    turns = 0
    while True:
        answer = document("export", **arguments)
        turns += 1
        for each in answer.get("files", []):
            files[each["name"]] = files.get(each["name"], b"") + base64.b64decode(each["body"])
        if "following" not in answer:
            break
        arguments |= answer["following"]
    bodies = sorted(body for name, body in files.items() if "project.json" in name)
    assert bodies == sorted([b"1", big.encode(), b"3"])
    assert files["runs/default_user/r/run.json"] == b"4"
    assert turns > 1


def test_an_erased_user_leaves_nothing_but_the_note_of_it(many: Tavern) -> None:
    bob = register(many, "Bob")
    token = register(many, NAME)
    uid = settle(many, token)
    many.ask("POST", "/api/prompt", json=RUN, headers=bearer(token))
    kept = settle_bob(many, bob)
    (row,) = answered("erase", username=NAME, confirm=NAME)
    assert row["user"] == uid
    many.work()
    container.accounts().expire(container.clock().now())
    container.index().expire(container.clock().now())
    left = [each for each in everything(many) if uid in each or NAME in each]
    assert len(left) == 1, left
    assert "erased" in left[0]
    assert NAME not in left[0]
    assert many.ask("GET", "/api/projects", headers=bearer(bob)).json() == kept
    assert login(many, NAME).status == 401
    register(many, NAME)


def settle_bob(tavern: Tavern, token: str) -> Any:
    """Another user's list, which is to stay as it is."""
    tavern.ask("POST", "/api/projects", json={"name": "Mine"}, headers=bearer(token))
    return tavern.ask("GET", "/api/projects", headers=bearer(token)).json()


def test_what_was_offered_ends_with_who_is_locked_out_or_erased(many: Tavern) -> None:
    """A bucket receives what was signed until it lapses; nobody gets it."""
    who = bearer(register(many, NAME))
    uid = uid_of(many, who["Authorization"].partition(" ")[2])
    sent, later = offer_of(many, who), offer_of(many, who)
    container.documents().put(f"uploads/{uid}/{sent['uploadId']}", b"1")
    answered("disable", username=NAME)
    assert many.ask("POST", path_of(later), **form(part("file", b"1"))).status == 404
    answered("enable", username=NAME)
    back = bearer(login(many, NAME).json()["token"])
    for each in (sent, later):
        take = f"/api/users/me/avatar/upload/{each['uploadId']}"
        assert many.ask("POST", take, headers=back).status == 404
    last = offer_of(many, back)
    answered("erase", username=NAME, confirm=NAME)
    assert many.ask("POST", path_of(last), **form(part("file", b"1"))).status == 404
    assert [*container.documents().history("uploads/")] == []
    assert container.index().query(f"{uid}#uploads").entries == []


def path_of(offer: Any) -> str:
    """Where a file is sent; at a bucket a path that is none of ours."""
    return str(urlsplit(offer["url"]).path)


def offer_of(tavern: Tavern, headers: dict[str, str]) -> Any:
    """Where a user may send a picture."""
    offer = {"size": 10, "mediaType": "image/png"}
    return tavern.ask("POST", "/api/users/me/avatar/upload", json=offer, headers=headers).json()


def test_an_erasure_without_time_goes_on_until_it_is_done(many: Tavern) -> None:
    uid = settle(many, register(many, NAME))
    question = {"command": "erase", "arguments": {"username": NAME, "confirm": NAME}}
    turns = 0
    while True:
        answer = admin.run(question, short_of_time())
        turns += 1
        if "following" not in answer:
            break
    assert turns > 1
    assert [*container.documents().history(f"users/{uid}/")] == []
    assert refused("erase", username=NAME, confirm=NAME)[0] == "NotFound"


def short_of_time() -> Callable[[], int]:
    """A function's remaining milliseconds, which are over after two looks."""
    left = iter([900_000] * 3)
    return lambda: next(left, 0)


def test_erasing_takes_the_name_twice_and_an_account(either_tavern: Tavern) -> None:
    assert refused("erase", username="User")[0] == "InvalidInput"
    assert refused("erase", username="a", confirm="b")[0] == "InvalidInput"
    assert refused("erase", username="nobody", confirm="nobody")[0] == "NotFound"
    for command in ("erase", "disable", "reset-password"):
        more = {"confirm": "default_user"} if command == "erase" else {}
        assert refused(command, username="default_user", **more)[0] == "Conflict"


def test_the_first_administrator_leaves_no_open_door(many: Tavern) -> None:
    answered("erase", username="root", confirm="root")
    context = many.ask("GET", "/api/auth/current").json()
    assert context["adminRegistrationRequired"] is False
    second = register(many, "second")
    assert many.ask("GET", "/api/admin/users", headers=bearer(second)).status == 403


def test_nobody_can_be_called_like_a_uid(many: Tavern) -> None:
    """Else an operator who names a uid would meet whoever took it for a name."""
    uid = uid_of(many, register(many, "ada"))
    for name in (uid, uid.upper(), "default_user"):
        answer = many.ask("POST", "/api/auth/register", json=account(name))
        assert (answer.status, list(answer.json()["details"])) == (400, ["username"])
