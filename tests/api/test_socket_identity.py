"""Whose a socket is, how many there may be, and when it ends."""

import json
import time
from collections.abc import Callable, Sequence

import pytest

from chalicelib import container
from chalicelib.ports import Connection, Entry, Put
from chalicelib.services.connections import MAX_CONNECTIONS
from tests.api.bodies import RUN
from tests.api.frames import kinds
from tests.api.house import House
from tests.api.people import PASSWORD, bearer
from tests.api.product import Tavern

DEFINITIONS = {"type": "get_node_definitions"}


def log_out(house: House, shown: str) -> None:
    house.ask("POST", "/api/auth/logout", shown)


def end_from_another(house: House, shown: str) -> None:
    sessions = house.ask("GET", "/api/auth/sessions", shown)
    (this,) = [session["id"] for session in sessions if session["current"]]
    house.ask("DELETE", f"/api/auth/sessions/{this}", house.session())


def change_the_password_elsewhere(house: House, _shown: str) -> None:
    change = {"currentPassword": PASSWORD, "newPassword": "another good password"}
    house.ask("PUT", "/api/auth/password", house.session(), change)


@pytest.mark.parametrize("end", [log_out, end_from_another, change_the_password_elsewhere])
def test_the_sockets_of_a_session_are_closed_with_it(
    house: House, end: Callable[[House, str], None]
) -> None:
    ada = house.session()
    house.connect("by-token", ada)
    house.enter("by-ticket", house.ticket(ada))
    house.connect("eves", house.session("eve"))
    end(house, ada)
    assert sorted(house.tavern.closed()) == ["by-ticket", "by-token"]
    assert house.tavern.status_of('{"type": "get_node_definitions"}', "by-token") == 410
    assert kinds(house.tavern.say(DEFINITIONS, "eves")) == ["node_definitions"]


def test_the_sockets_of_other_sessions_stay_and_go_on_hearing(house: House) -> None:
    lost, kept = house.session(), house.session()
    house.connect("lost", lost)
    house.connect("kept", kept)
    log_out(house, lost)
    house.ask("POST", "/api/prompt", kept, RUN)
    house.tavern.work()
    assert house.tavern.closed() == ["lost"]
    assert house.tavern.frames("kept")[-1]["type"] == "SYSTEM_QUEUE_UPDATE"
    assert house.tavern.frames("lost") == []


def test_a_password_change_keeps_the_sockets_of_the_session_that_made_it(house: House) -> None:
    ada = house.session()
    house.connect("tab", ada)
    house.connect("other", house.session())
    change = {"currentPassword": PASSWORD, "newPassword": "another good password"}
    house.ask("PUT", "/api/auth/password", ada, change)
    assert house.tavern.closed() == ["other"]


def test_the_sockets_of_a_key_and_of_those_it_made_are_closed_with_it(house: House) -> None:
    ada = house.session()
    key = house.key(ada)
    house.connect("keys", key["secret"])
    house.connect("made", house.key(key["secret"])["secret"])
    house.connect("tab", ada)
    house.ask("DELETE", f"/api/users/me/service-keys/{key['id']}", ada)
    assert sorted(house.tavern.closed()) == ["keys", "made"]


def test_the_sweeper_alone_closes_them_as_well(house: House) -> None:
    ada = house.session()
    house.connect("tab", ada)
    house.connect("other", house.session())
    caller = container.callers().resolve({"authorization": f"Bearer {ada}"})
    container.sessions().end(caller.uid, str(caller.identity))  # and its process dies here
    assert house.tavern.closed() == []
    assert [container.revocations().sweep() for _ in range(2)] == [1, 0]
    assert house.tavern.closed() == ["tab"]
    assert house.tavern.status_of('{"type": "get_node_definitions"}', "tab") == 410


def test_a_socket_that_cannot_be_closed_keeps_no_request_waiting_and_no_other_open(
    house: House,
) -> None:
    ada, eve = house.session(), house.session("eve")
    house.connect("stuck", ada)
    house.connect("eves", eve)
    house.tavern.keep_open("stuck")
    log_out(house, ada)
    eves = container.callers().resolve({"authorization": f"Bearer {eve}"})
    container.sessions().end(eves.uid, str(eves.identity))
    house.tavern.sweep()
    assert house.tavern.closed() == ["eves"]
    house.clock.advance(600)
    house.tavern.sweep()
    house.tavern.let_close("stuck")
    house.tavern.sweep()
    assert house.tavern.closed() == ["eves", "stuck"]


def test_a_socket_that_was_on_its_way_in_is_closed_by_the_sweeper(house: House) -> None:
    ada = house.session()
    caller = container.callers().resolve({"authorization": f"Bearer {ada}"})
    log_out(house, ada)
    house.tavern.sweep()
    container.connections().register(caller, Connection("late", "https://localhost:3233/api"))
    house.clock.advance(60)
    house.tavern.sweep()
    assert house.tavern.closed() == ["late"]


def test_what_is_closed_is_forgotten_after_a_while(house: House) -> None:
    ada = house.session()
    house.connect("tab", ada)
    log_out(house, ada)
    for _ in range(4):
        house.clock.advance(60)
        house.tavern.sweep()
    assert house.tavern.closed() == ["tab"]
    assert container.accounts().query("revocations").entries == []


def test_a_socket_ends_with_its_key(house: House) -> None:
    ada = house.session()
    ends = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(house.clock.now() + 60))
    house.connect("script", house.key(ada, expiresAt=ends)["secret"])
    house.connect("tab", ada)
    house.clock.advance(50)
    assert kinds(house.tavern.say(DEFINITIONS, "script")) == ["node_definitions"]
    heard = len(house.tavern.frames("script"))
    house.clock.advance(11)
    house.ask("POST", "/api/prompt", ada, RUN)
    house.tavern.work()
    assert len(house.tavern.frames("script")) == heard
    assert house.tavern.status_of('{"type": "get_node_definitions"}', "script") == 410
    assert house.tavern.closed() == ["script"]
    assert len(house.tavern.frames("script")) == heard


def test_a_socket_of_another_mode_is_closed_when_it_speaks(
    monkeypatch: pytest.MonkeyPatch, either_tavern: Tavern
) -> None:
    either_tavern.connect("old")
    monkeypatch.setenv("TAVERN_ACCESS_PASSWORD", PASSWORD)
    either_tavern.start_anew()
    assert either_tavern.status_of('{"type": "get_node_definitions"}', "old") == 410
    assert either_tavern.closed() == ["old"]


def opened(house: House, shown: str, count: int) -> Sequence[int]:
    return [house.tavern.connect(f"tab{number}", **bearer(shown)) for number in range(count)]


def test_a_user_has_so_many_sockets_at_most(house: House) -> None:
    ada = house.session()
    assert opened(house, ada, MAX_CONNECTIONS) == [200] * MAX_CONNECTIONS
    house.clock.advance(3600)
    ticket = house.ticket(ada)
    refused = house.tavern.connected("more", query=f"ticket={ticket}")
    assert refused["statusCode"] == 429
    assert refused["headers"]["Retry-After"] == "30"
    assert str(MAX_CONNECTIONS) in json.loads(refused["body"])["error"]
    assert house.tavern.connect("more", **bearer(house.session())) == 429
    assert house.tavern.connect("eves", **bearer(house.session("eve"))) == 200
    assert house.tavern.closed() == []
    house.tavern.disconnect("tab7")
    assert house.enter("more", ticket) == 200


def test_where_nobody_signs_in_there_is_no_limit_by_which_one_shuts_out_others(
    tavern: Tavern,
) -> None:
    found = {tavern.connect(f"tab{number}") for number in range(MAX_CONNECTIONS + 1)}
    assert found == {200}


def test_sockets_that_are_gone_make_room_though_nobody_told(house: House) -> None:
    ada = house.session()
    opened(house, ada, MAX_CONNECTIONS)
    for number in (3, 12):
        house.tavern.lose(f"tab{number}")
    assert house.tavern.connect("early", **bearer(ada)) == 429
    house.clock.advance(61)
    found = [house.tavern.connect(f"more{number}", **bearer(ada)) for number in range(3)]
    assert found == [200, 200, 429]


def test_sockets_that_have_ended_do_not_count(house: House) -> None:
    ada = house.session()
    opened(house, ada, MAX_CONNECTIONS)
    log_out(house, ada)
    assert house.tavern.connect("new", **bearer(house.session())) == 200


def test_a_note_that_cannot_be_read_keeps_no_run_from_being_mended(house: House) -> None:
    lost = house.ask("POST", "/api/prompt", house.session(), RUN)["promptId"]
    house.tavern.work()
    container.run_log().update(lost, {"status": "queued", "dispatched": False})
    container.accounts().write(Put(Entry("revocations", "ada#session", {"at": "yesterday"})))
    house.clock.advance(10)
    with pytest.raises(ValueError, match="yesterday"):
        house.tavern.sweep()
    assert house.tavern.work() == 1
