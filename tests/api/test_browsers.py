"""Cookies, writes that a foreign page asks for, and tokens that are none."""

import time

import pytest

from chalicelib import container
from chalicelib.ports import Put
from chalicelib.services.accounts import rows
from tests.api.people import (
    PASSWORD,
    PUBLIC,
    account,
    bearer,
    cookie,
    login,
    register,
)
from tests.api.product import ORIGIN, Tavern

FOREIGN = "http://evil.example"


def test_the_cookie_off_the_machine_is_secure_and_bound_to_its_host(many: Tavern) -> None:
    answer = login(many, "root", **{"X-Forwarded-Host": PUBLIC})
    name_and_value, *attributes = answer.headers["set-cookie"].split("; ")
    name, _, value = name_and_value.partition("=")
    assert (name, value) == ("__Host-tavern_session", answer.json()["token"])
    assert {*attributes} == {"Max-Age=15552000", "Path=/", "HttpOnly", "SameSite=Lax", "Secure"}
    there = {"X-Forwarded-Host": PUBLIC}
    assert many.ask("GET", "/api/plugins", headers={**there, **cookie(answer)}).status == 200
    plain = {"Cookie": f"tavern_session={value}"}
    assert many.ask("GET", "/api/plugins", headers={**there, **plain}).status == 401


def test_two_servers_on_one_host_keep_their_sessions_apart(
    many: Tavern, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = cookie(login(many, "root"))
    monkeypatch.setenv("TAVERN_PORT", "3300")
    many.start_anew()
    answer = login(many, "root")
    name = answer.headers["set-cookie"].partition("=")[0]
    assert name == "tavern_session_3300"
    assert many.ask("GET", "/api/plugins", headers=first).status == 401
    beside = f"{first['Cookie']}; {cookie(answer)['Cookie']}"
    assert many.ask("GET", "/api/plugins", headers={"Cookie": beside}).status == 200
    dropped = many.ask("POST", "/api/auth/logout", headers={**first, "Cookie": beside})
    assert dropped.headers["set-cookie"].startswith("tavern_session_3300=; Max-Age=0;")
    public = login(many, "root", **{"X-Forwarded-Host": PUBLIC}).headers["set-cookie"]
    assert public.startswith("__Host-tavern_session_3300=")


@pytest.mark.parametrize("host", ["localhost:3233", "127.0.0.1:3233", "[::1]:3233", "a.localhost"])
def test_the_cookie_on_the_machine_is_kept_over_plain_http(many: Tavern, host: str) -> None:
    answer = login(many, "root", host=host)
    assert answer.headers["set-cookie"].startswith("tavern_session=cts_")
    assert "Secure" not in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    "host",
    ["localhost.evil.example", "10.0.0.7:3233", "127.0.0.1.nip.io", "", "[::2]", "[", "::1:x"],
)
def test_other_hosts_are_not_the_machine_itself(many: Tavern, host: str) -> None:
    answer = login(many, "root", host=host)
    assert "Secure" in answer.headers["set-cookie"].split("; ")


def test_a_login_never_adopts_a_token_that_was_presented(many: Tavern) -> None:
    register(many, "ada")
    eves = login(many, "ada")
    for headers in (cookie(eves), bearer(eves.json()["token"]), bearer("nonsense")):
        answer = login(many, "root", **headers)
        assert answer.json()["currentUser"]["username"] == "root"
        assert answer.json()["token"] != eves.json()["token"]
        assert (
            "root" not in many.ask("GET", "/api/auth/current", headers=cookie(eves)).body.decode()
        )


def test_a_cookie_whose_session_is_over_is_dropped(many: Tavern) -> None:
    answer = login(many, "root")
    assert many.ask("POST", "/api/auth/logout", headers=cookie(answer)).status == 204
    current = many.ask("GET", "/api/auth/current", headers=cookie(answer))
    assert (current.status, current.json()["isAuthenticated"]) == (200, False)
    assert current.headers["set-cookie"].startswith("tavern_session=; Max-Age=0; Path=/;")
    assert many.ask("GET", "/api/plugins", headers=cookie(answer)).status == 401


def test_a_wrong_bearer_is_a_401_even_beside_a_good_cookie(many: Tavern) -> None:
    headers = {**cookie(login(many, "root")), **bearer("cts_nonsense")}
    assert many.ask("GET", "/api/auth/current", headers=headers).status == 401


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"Origin": FOREIGN}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": FOREIGN, "Sec-Fetch-Site": "same-origin"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": ""}, 403),
        ({}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 201),
        ({"Sec-Fetch-Site": "none"}, 201),
        ({"Origin": ORIGIN, "Sec-Fetch-Site": "cross-site"}, 201),
        ({"Origin": "http://localhost:3233"}, 201),
    ],
)
@pytest.mark.parametrize("kind", ["application/json", "text/plain"])
def test_a_write_with_a_cookie_must_come_from_a_page_of_ours(
    many: Tavern, kind: str, told: dict[str, str], status: int
) -> None:
    sent = {"Cookie": cookie(login(many, "root"))["Cookie"], "Content-Type": kind, **told}
    answer = many.ask("POST", "/api/projects", body=b'{"name": "Tales"}', headers=sent)
    assert answer.status == status


@pytest.mark.parametrize("told", [{"Origin": FOREIGN}, {"Sec-Fetch-Site": "cross-site"}, {}])
def test_a_write_with_a_bearer_may_come_from_anywhere(many: Tavern, told: dict[str, str]) -> None:
    headers = {**bearer(login(many, "root").json()["token"]), **told}
    answer = many.ask("POST", "/api/projects", json={"name": "Tales"}, headers=headers)
    assert answer.status == 201


@pytest.mark.parametrize("path", ["/api/auth/login", "/api/auth/register"])
def test_a_foreign_page_signs_nobody_in(many: Tavern, path: str) -> None:
    for told in ({"Origin": FOREIGN}, {"Sec-Fetch-Site": "cross-site"}):
        answer = many.ask("POST", path, json=account("root"), headers=told)
        assert answer.status == 403
        assert "set-cookie" not in answer.headers


def test_no_row_holds_a_token_or_a_password(many: Tavern) -> None:
    token = login(many, "root").json()["token"]
    lookup = token[4:20]
    entry = container.accounts().get(rows.of_token(lookup), rows.TOKEN)
    assert entry is not None
    file = container.settings().data_dir / "tavern.db"
    stored = b"".join(part.read_bytes() for part in file.parent.iterdir() if part.is_file())
    assert lookup.encode() in stored
    assert token[20:].encode() not in stored
    assert PASSWORD.encode() not in stored


def test_an_expired_token_is_nobodys(many: Tavern) -> None:
    token = login(many, "root").json()["token"]
    entry = container.accounts().get(rows.of_token(token[4:20]), rows.TOKEN)
    assert entry is not None
    lapsed = type(entry)(entry.partition, entry.key, entry.value, int(time.time()) - 1)
    container.accounts().write(Put(lapsed))
    assert many.ask("GET", "/api/plugins", headers=bearer(token)).status == 401


@pytest.mark.parametrize(
    "change", [lambda t: t[:-1], lambda t: t + "x", lambda t: t.swapcase(), str.upper]
)
def test_a_mistyped_token_is_nobodys(many: Tavern, change: "type[str]") -> None:
    token = login(many, "root").json()["token"]
    assert many.ask("GET", "/api/plugins", headers=bearer(change(token))).status == 401
