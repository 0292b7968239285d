"""Short ways to bring characters, and to see what became of them."""

import json
from collections.abc import Mapping
from typing import Any

from chalicelib import container
from chalicelib.ports import Entry, Put
from tests.api.pictures import form, part
from tests.api.product import Answer, Ask, Tavern
from tests.unit.pictures.samples import png

ALL = "/api/characters"
Shown = dict[str, Any]


def grey(width: int, height: int, shade: int = 0) -> bytes:
    """A PNG without a card."""
    line = b"\0" + bytes([shade]) * width
    return png(width=width, height=height, pixels=line * height)


def card(name: str = "Ada", **fields: Any) -> bytes:
    """A file of version 2; ``fields`` are of its data."""
    data = {"name": name, "description": f"{name} counts", "tags": ["maths"], **fields}
    return json.dumps({"spec": "chara_card_v2", "spec_version": "2.0", "data": data}).encode()


def sent(data: bytes, filename: str, method: str = "POST", target: str = ALL) -> Ask:
    """A request with one file."""
    given = form(part("file", data, filename=filename))
    return Ask(method, target, None, given["body"], given["headers"])


def send(tavern: Tavern, data: bytes, filename: str) -> Answer:
    """Bring one file."""
    return tavern.ask("POST", ALL, **form(part("file", data, filename=filename)))


def added(tavern: Tavern, data: bytes, filename: str) -> Shown:
    """Bring one file that must be taken; its entry."""
    answer = send(tavern, data, filename)
    assert answer.status == 201, answer.body
    entry: Shown = answer.json()["data"]
    return entry


def listed(tavern: Tavern, query: str = "") -> list[Shown]:
    """The list."""
    answer = tavern.ask("GET", ALL + query)
    assert answer.status == 200, answer.body
    found: list[Shown] = answer.json()["data"]
    return found


def at(entry: Shown, rest: str = "") -> str:
    """The address of a character."""
    return f"{ALL}/{entry['id']}{rest}"


def shown(tavern: Tavern, entry: Shown) -> Shown:
    """A character as it is now, with its card."""
    answer = tavern.ask("GET", at(entry))
    assert answer.status == 200, answer.body
    found: Shown = answer.json()["data"]
    return found


def replace_image(
    tavern: Tavern, entry: Shown, data: bytes, headers: Mapping[str, str] | None = None
) -> Answer:
    """Give a character another picture."""
    given = form(part("file", data, filename="other.png"))
    given["headers"] |= headers or {}
    return tavern.ask("PUT", at(entry, "/image"), **given)


def without(entry: Shown, *fields: str) -> Shown:
    """An entry but for some fields."""
    return {key: value for key, value in entry.items() if key not in fields}


def put_rows(prefix: str, count: int, entry: Shown) -> None:
    """Rows of that many characters, C0000 and so on, as one of their orders has them."""
    for number in range(count):
        each = {**entry, "id": f"{number:022d}", "name": f"C{number:04d}"}
        key = f"{prefix}{each['name']}/{each['id']}"
        # One by one: moto copies all its tables for each transaction.
        container.index().write(Put(Entry("default_user#characters", key, {"entry": each})))


def use_all(tavern: Tavern) -> None:
    """Every route of characters that reaches a store, and every way through them."""
    first = added(tavern, grey(9, 9), "Used.png")
    added(tavern, card("Used"), "Used.json")
    second = added(tavern, grey(9, 9), "Used.png")
    offer = tavern.ask("POST", f"{ALL}/upload", json={"size": 1_000}).json()["data"]
    # A client does this with the form that was signed, in the name of who signed it.
    container.documents().put(offer["fields"]["key"], card("Sent"))
    wanted = [
        ("POST", f"{ALL}/upload/{offer['uploadId']}", {}, 201),
        ("PATCH", at(first), {"name": "Changed", "own": ["x" * 2_000_000] * 2}, 200),
        ("GET", at(first), None, 200),
        ("GET", at(first, "/export?format=charx"), None, 200),
        ("GET", at(first, "/export?format=json"), None, 200),
        ("PUT", at(first), json.loads(card("Other")), 200),
        ("GET", f"{ALL}/image/Used.png?size=64", None, 200),
        ("GET", f"{ALL}/image/Used.png?size=64", None, 200),
        ("GET", f"{ALL}/image/Used.png", None, 200),
        ("POST", at(first, "/duplicate"), None, 201),
        ("GET", ALL, None, 200),
        ("GET", f"{ALL}?limit=1", None, 200),
        ("GET", f"{ALL}/tags", None, 200),
        ("DELETE", at(second), None, 204),
        ("GET", "/api/recycle-bin", None, 200),
        ("POST", f"/api/recycle-bin/character-{second['id']}/restore", {}, 200),
        ("DELETE", at(second), None, 204),
        ("DELETE", f"/api/recycle-bin/character-{second['id']}", None, 204),
        ("POST", f"{ALL}/rebuild-index", None, 200),
    ]
    for method, target, body, status in wanted:
        answer = tavern.ask(method, target, json=body)
        assert answer.status == status, (method, target, answer.body)
    assert replace_image(tavern, first, grey(8, 8)).status == 200
    assert replace_image(tavern, first, grey(7, 7), {"If-Match": '"0"'}).status == 412
    part_of = tavern.ask("GET", f"{ALL}/image/Used.png", headers={"Range": "bytes=0-3"})
    assert part_of.status == 206
    versions = tavern.ask("GET", at(first, "/versions")).json()["data"]
    restored = at(first, f"/versions/{versions[-1]['version']}/restore")
    assert tavern.ask("POST", restored).status == 200
