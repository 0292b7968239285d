"""Tickets: what opens one socket, once, for whom it stands for."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chalicelib.security import tokens
from chalicelib.services.accounts.tickets import TICKET_SECONDS
from tests.api.bodies import RUN
from tests.api.frames import error_of, kinds
from tests.api.house import House
from tests.api.people import ACCESS_PASSWORD, PASSWORD, bearer, cookie, login
from tests.api.product import ORIGIN, Tavern

DEFINITIONS = {"type": "get_node_definitions"}
SUBMIT = {"type": "PROMPT_REQUEST", "payload": RUN}


def test_a_ticket_opens_a_socket_of_its_user(house: House) -> None:
    ada = house.session()
    assert house.enter("tab", house.ticket(ada)) == 200
    assert house.enter("eves", house.ticket(house.session("eve"))) == 200
    house.ask("POST", "/api/prompt", ada, RUN)
    house.tavern.work()
    assert house.tavern.frames("tab")[-1]["type"] == "SYSTEM_QUEUE_UPDATE"
    assert house.tavern.frames("eves") == []


def test_a_ticket_tells_when_it_lapses(house: House) -> None:
    made = house.ask("POST", "/api/auth/ws-ticket", house.session())
    assert made.keys() == {"ticket", "expiresAt"}
    assert made["ticket"].startswith("ctt_")
    assert made["expiresAt"].endswith(".000Z")


def test_a_ticket_opens_one_socket_only(house: House) -> None:
    ticket = house.ticket(house.session())
    assert [house.enter(name, ticket) for name in ("one", "two", "three")] == [200, 401, 401]


def test_of_many_who_show_one_ticket_at_once_one_gets_in(house: House) -> None:
    ticket = house.ticket(house.session())
    barrier = threading.Barrier(6)

    def enter(number: int) -> int:
        barrier.wait(30)
        return house.enter(f"tab{number}", ticket)

    with ThreadPoolExecutor(6) as browsers:
        assert sorted(browsers.map(enter, range(6))) == [200, 401, 401, 401, 401, 401]


def test_two_tickets_of_one_session_are_apart(house: House) -> None:
    ada = house.session()
    first, second = house.ticket(ada), house.ticket(ada)
    assert (house.enter("b", second), house.enter("a", first)) == (200, 200)


def test_a_ticket_lapses(house: House) -> None:
    early, late = (house.ticket(house.session()) for _ in range(2))
    house.clock.advance(TICKET_SECONDS - 1)
    assert house.enter("early", early) == 200
    house.clock.advance(1)
    assert house.enter("late", late) == 401


def test_a_ticket_dies_with_its_session(house: House) -> None:
    ada = house.session()
    ticket = house.ticket(ada)
    house.ask("POST", "/api/auth/logout", ada)
    assert house.enter("tab", ticket) == 401


def test_a_ticket_dies_with_its_key(house: House) -> None:
    ada = house.session()
    key = house.key(ada)
    ticket = house.ticket(key["secret"])
    house.ask("DELETE", f"/api/users/me/service-keys/{key['id']}", ada)
    assert house.enter("tab", ticket) == 401


def test_a_ticket_of_a_key_may_do_what_the_key_may(house: House) -> None:
    key = house.key(house.session(), scopes=["read"])
    assert house.enter("script", house.ticket(key["secret"])) == 200
    assert kinds(house.tavern.say(DEFINITIONS, "script")) == ["node_definitions"]
    assert "'run'" in error_of(house.tavern.say(SUBMIT, "script"))["message"]


def test_a_ticket_of_a_key_that_may_not_read_opens_nothing(house: House) -> None:
    key = house.key(house.session(), scopes=["run", "write"])
    ticket = house.ticket(key["secret"])
    assert house.enter("script", ticket) == 403
    assert house.tavern.connect("script", **bearer(key["secret"])) == 403


def test_what_is_no_ticket_opens_nothing_whatever_else_is_shown(house: House) -> None:
    signed_in = login(house.tavern, "ada")
    token = signed_in.json()["token"]
    ticket = house.ticket(token)
    never_given = tokens.mint(tokens.SOCKET_TICKET, ticket[4:20]).text
    others = (tokens.mint(tokens.SOCKET_TICKET).text, tokens.mint(tokens.SESSION).text)
    for wrong in ("", "x", ticket[:-1], ticket.upper(), token, never_given, *others):
        assert house.enter("tab", wrong, **cookie(signed_in)) == 401
        assert house.enter("tab", wrong, **bearer(token)) == 401
    assert house.enter("tab", ticket) == 200


def test_a_ticket_is_no_token(house: House) -> None:
    ticket = house.ticket(house.session())
    assert house.tavern.ask("GET", "/api/auth/sessions", headers=bearer(ticket)).status == 401
    assert house.tavern.connect("tab", **bearer(ticket)) == 401
    assert house.tavern.connect("tab", cookie=f"tavern_session={ticket}") == 401


def test_a_ticket_does_not_excuse_a_page_of_a_foreign_origin(house: House) -> None:
    ticket = house.ticket(house.session())
    assert house.enter("tab", ticket, origin="https://evil.example") == 403
    assert house.enter("tab", ticket, origin=ORIGIN) == 200


def test_a_ticket_needs_someone_who_is_signed_in(house: House) -> None:
    assert house.tavern.ask("POST", "/api/auth/ws-ticket").status == 401


def test_no_other_page_gets_a_ticket_by_the_cookie(house: House) -> None:
    headers = {**cookie(login(house.tavern, "ada")), "Sec-Fetch-Site": "cross-site"}
    assert house.tavern.ask("POST", "/api/auth/ws-ticket", headers=headers).status == 403


def test_where_nobody_signs_in_tickets_work_once_as_well(either_tavern: Tavern) -> None:
    ticket = either_tavern.ask("POST", "/api/auth/ws-ticket").json()["ticket"]
    query = f"ticket={ticket}"
    assert [either_tavern.connect(query=query), either_tavern.connect(query=query)] == [200, 401]


def test_where_nobody_signs_in_a_ticket_of_a_deleted_key_is_not_everybodys(
    either_tavern: Tavern,
) -> None:
    key = either_tavern.ask("POST", "/api/users/me/service-keys").json()
    made = either_tavern.ask("POST", "/api/auth/ws-ticket", headers=bearer(key["secret"]))
    either_tavern.ask("DELETE", f"/api/users/me/service-keys/{key['id']}")
    assert either_tavern.connect(query=f"ticket={made.json()['ticket']}") == 401


def test_an_open_ticket_opens_nothing_once_the_door_is_locked(
    monkeypatch: pytest.MonkeyPatch, either_tavern: Tavern
) -> None:
    ticket = either_tavern.ask("POST", "/api/auth/ws-ticket").json()["ticket"]
    monkeypatch.setenv("TAVERN_ACCESS_PASSWORD", PASSWORD)
    either_tavern.start_anew()
    assert either_tavern.connect(query=f"ticket={ticket}") == 401


def test_a_ticket_opens_nothing_where_the_access_password_is_another_since(
    locked: None, monkeypatch: pytest.MonkeyPatch, either_tavern: Tavern
) -> None:
    def tickets() -> list[str]:
        target = "/api/auth/ws-ticket"
        return [
            either_tavern.ask("POST", target, headers=bearer(shown)).json()["ticket"]
            for shown in (session, key)
        ]

    def enter(ticket: str) -> int:
        return either_tavern.connect(query=f"ticket={ticket}")

    session = login(either_tavern, None, ACCESS_PASSWORD).json()["token"]
    target = "/api/users/me/service-keys"
    key = either_tavern.ask("POST", target, json={}, headers=bearer(session)).json()["secret"]
    old = tickets()
    monkeypatch.setenv("TAVERN_ACCESS_PASSWORD", "another")
    either_tavern.start_anew()
    assert [enter(ticket) for ticket in old] == [401, 401]
    monkeypatch.delenv("TAVERN_ACCESS_PASSWORD")
    either_tavern.start_anew()
    assert [enter(ticket) for ticket in old] == [401, 401]
    monkeypatch.setenv("TAVERN_ACCESS_PASSWORD", ACCESS_PASSWORD)
    either_tavern.start_anew()
    assert [enter(ticket) for ticket in (*old, *old)] == [200, 200, 401, 401]


def test_a_ticket_is_in_no_log_line(house: House, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        ticket = house.ticket(house.session())
        for name, status in (("first", 200), ("second", 401)):
            assert house.enter(name, ticket) == status
        house.tavern.say(DEFINITIONS, "first")
    assert caplog.records
    assert ticket[20:] not in "".join(str(vars(record)) for record in caplog.records)


def test_a_ticket_is_in_no_stored_byte(tavern: Tavern, tmp_path: Path) -> None:
    ticket = tavern.ask("POST", "/api/auth/ws-ticket").json()["ticket"]
    stored = b"".join(file.read_bytes() for file in (tmp_path / "data").glob("tavern.db*"))
    parsed = tokens.parse(ticket)
    assert parsed is not None
    assert tokens.hash_of(parsed).encode() in stored
    assert parsed.secret.encode() not in stored
