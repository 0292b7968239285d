"""Whose word is taken for where a request comes from."""

import asyncio
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from infra.local.bodies import Message, Receive, Send
from infra.local.proxies import Proxies
from infra.local.settings import CannotStart, Settings
from tests.local.stack import TOY, RunningStack

TRUSTED = "10.0.0.0/8, 192.0.2.1, 2001:db8::/32"
PROXY = "10.0.0.7"
STRANGER = "198.51.100.9"


def seen(peer: str | None, *headers: tuple[str, str], trusted: str = TRUSTED) -> Message:
    """The scope of a request as it reaches what is behind the proxies."""
    reached: list[Message] = []

    async def app(scope: Message, _receive: Receive, _send: Send) -> None:
        reached.append(scope)

    async def receive() -> Message:
        raise AssertionError("Nothing is read")

    async def send(_message: Message) -> None:
        raise AssertionError("Nothing is sent")

    scope = {
        "type": "http",
        "client": None if peer is None else (peer, 50_000),
        "headers": [(name.encode(), text.encode("latin-1")) for name, text in headers],
    }
    proxies = Settings.read({"TAVERN_TRUSTED_PROXIES": trusted}).trusted_proxies
    asyncio.run(Proxies(app, proxies)(scope, receive, send))
    return reached[0]


@pytest.mark.parametrize(
    ("peer", "told", "client"),
    [
        (PROXY, STRANGER, STRANGER),
        (PROXY, f"1.1.1.1, {STRANGER}", STRANGER),
        (PROXY, f"1.1.1.1, {STRANGER}, 192.0.2.1,10.9.9.9", STRANGER),
        (PROXY, "10.1.1.1, 10.2.2.2", "10.1.1.1"),
        (PROXY, f"{STRANGER}:5678", STRANGER),
        (PROXY, "2001:DB9::1", "2001:db9::1"),
        (PROXY, "[2001:db9::1]:80", "2001:db9::1"),
        (PROXY, f"1.1.1.1, [2001:db9::1], {PROXY}:80", "2001:db9::1"),
        ("2001:db8::7", STRANGER, STRANGER),
        (f"::ffff:{PROXY}", f"::ffff:{STRANGER}", STRANGER),
        (PROXY, f"{STRANGER}, unknown", PROXY),
        (PROXY, f"{STRANGER}, 10.1.1.1, , 10.2.2.2", "10.2.2.2"),
        (PROXY, f"{STRANGER}, 10.1.1.1.1", PROXY),
        (PROXY, f"{STRANGER}, fe80::1%eth0, 10.1.1.1", "10.1.1.1"),
        (PROXY, f"{STRANGER}, [::1, 10.1.1.1:x", PROXY),
        (PROXY, "ä" * 5000, PROXY),
        (PROXY, "", PROXY),
        (STRANGER, "1.1.1.1", STRANGER),
        (STRANGER, PROXY, STRANGER),
        ("2001:db9::1", "1.1.1.1", "2001:db9::1"),
    ],
)
def test_the_client_is_the_last_whom_a_trusted_proxy_was_asked_by(
    peer: str, told: str, client: str
) -> None:
    assert seen(peer, ("x-forwarded-for", told))["client"][0] == client


def test_a_header_on_two_lines_is_one() -> None:
    lines = [("x-forwarded-for", f"1.1.1.1, {STRANGER}"), ("x-forwarded-for", "10.1.1.1")]
    assert seen(PROXY, *lines)["client"][0] == STRANGER


def test_nobody_is_trusted_unless_told_so() -> None:
    told = ("x-forwarded-for", STRANGER)
    assert seen("127.0.0.1", told, trusted="")["client"] == ("127.0.0.1", 50_000)
    assert seen(None, told)["client"] is None


def test_what_was_asked_for_is_believed_from_trusted_proxies_alone() -> None:
    asked = [
        ("host", "inside"),
        ("x-forwarded-host", "tavern.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-for", STRANGER),
    ]
    believed = {name for name, _ in seen(PROXY, *asked)["headers"]}
    assert believed == {b"host", b"x-forwarded-host", b"x-forwarded-proto"}
    assert seen(STRANGER, *asked)["headers"] == [(b"host", b"inside")]
    assert seen(None, *asked)["headers"] == [(b"host", b"inside")]


@pytest.mark.parametrize("text", ["*", "proxy.lan", "10.0.0.1/8", "10.0.0.0/33", "10.0.0.1:80"])
def test_what_is_no_network_stops_the_start(text: str) -> None:
    with pytest.raises(CannotStart, match=r"^TAVERN_TRUSTED_PROXIES: .*10\.0\.0\.0/8"):
        Settings.read({"TAVERN_TRUSTED_PROXIES": f"127.0.0.1, {text}"})


@pytest.mark.stack
def test_requests_and_sockets_come_from_the_same_client(tmp_path: Path) -> None:
    environment = {**TOY, "TAVERN_TRUSTED_PROXIES": "127.0.0.1"}
    told = {"X-Forwarded-For": f"1.1.1.1, {STRANGER}", "X-Forwarded-Proto": "https"}
    with RunningStack(tmp_path, environment) as stack:
        echo = httpx.get(f"{stack.url}/api/echo", headers=told).json()
        with connect(stack.ws_url, additional_headers=told):
            (opened,) = stack.records("connect")
    event = opened["event"]
    assert echo["sourceIp"] == event["requestContext"]["identity"]["sourceIp"] == STRANGER
    for headers in (echo["headers"], event["headers"]):
        named = {name.lower(): text for name, text in headers.items()}
        assert named["x-forwarded-proto"] == "https"
        assert "x-forwarded-for" not in named
