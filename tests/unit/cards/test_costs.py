"""Files made to cost more than they weigh: what is read once, kept packed, or refused."""

import json
import random
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from chalicelib import cards
from chalicelib.cards import BrokenCard, Budget, byaf, charx, yaml_card
from chalicelib.cards.archives import Archive, write_archive
from chalicelib.cards.files import Files
from chalicelib.cards.limits import MAX_CARD_INFLATED
from chalicelib.errors import TooLarge
from tests.cards import as_json, text_chunk, v1, v2, with_chunks
from tests.unit.cards.archives import json_bytes, picture, zipped

MIB = 1024 * 1024
A_CARD = json_bytes({"spec": "chara_card_v3", "data": {"name": "Ada"}})


def nearly_a_bomb(mebibytes: int) -> bytes:
    """What starts as a picture, and gets a hundred times smaller."""
    chance = random.Random(7)  # noqa: S311 (the same bytes each time)
    return b"\x89PNG\r\n\x1a\n" + (chance.randbytes(1024) + bytes(130_048)) * (8 * mebibytes)


@contextmanager
def at_most(mebibytes: float) -> Iterator[None]:
    """What is done takes no more memory than this at any time."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < mebibytes * MIB


@dataclass
class Counted:
    """Bytes somewhere else, and how often some were read."""

    data: bytes
    reads: list[int] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many there are."""
        return len(self.data)

    def read(self, start: int, count: int) -> bytes:
        """Some of them."""
        self.reads.append(start)
        return self.data[start : start + count]


def a_byaf(manifest: dict[str, Any], character: dict[str, Any], files: dict[str, bytes]) -> bytes:
    """An archive with a character in it."""
    own = {"manifest.json": {"characters": ["c.json"], **manifest}, "c.json": character}
    return zipped({**{name: json_bytes(value) for name, value in own.items()}, **files})


def test_a_picture_that_is_named_often_is_unpacked_once() -> None:
    images = [{"path": name} for name in ("p", "./p", ".//p")] * 50
    data = a_byaf({}, {"name": "Ada", "images": images}, {"p": nearly_a_bomb(4), "q": picture()})
    with at_most(16):
        found = cards.read(data, stem="file")
    assert found.picture == nearly_a_bomb(4)
    assert (len(found.assets), len(found.repairs)) == (0, 1)
    assert "named before (and 148 more" in str(found.repairs[0])


def test_a_scenario_that_is_named_often_is_read_once() -> None:
    scenario = json_bytes({"title": "At tea", "firstMessages": [{"text": "Hi"}]})
    names = ["s"] * 100 + ["manifest.json", "c.json"]
    source = Counted(a_byaf({"scenarios": names}, {"name": "Ada"}, {"s": scenario}))
    found = byaf.read(Archive.open(source), stem="file")
    assert found.card is not None
    assert len(found.card.data["extensions"]["backyard"]["scenarios"]) == 1
    assert len(source.reads) == 1 + 3  # the directory, and each file


@pytest.mark.parametrize("what", ["images", "scenarios"])
def test_only_so_many_scenarios_and_pictures_may_be_named(what: str) -> None:
    named = [{"path": "p"}] * 201 if what == "images" else ["p"] * 201
    data = a_byaf({what: named}, {"name": "Ada", what: named}, {"p": b"{}"})
    with pytest.raises(TooLarge, match=f"{what}: 201 are named; at most 200"):
        cards.read(data, stem="file")


def test_the_files_of_a_charx_stay_packed_on_their_way_in_and_out() -> None:
    files = {f"{number}.bin": nearly_a_bomb(6) for number in range(5)}
    data = zipped({"card.json": A_CARD, **files})
    with at_most(4):
        found = cards.read(data, stem="file")
        assert found.card is not None
        kept = write_archive(found.assets)
        entries = {entry.name: entry for entry in Archive.open(kept).files}
        written = charx.write_charx(found.card, None, Files(entries))
    assert max(len(kept), len(written)) < len(data) + 1000
    again = cards.read(written, stem="file")
    assert (again.card, again.assets) == (found.card, files)


def test_an_archive_of_one_character_unpacks_to_no_more_than_a_few_files_have() -> None:
    data = zipped({"card.json": A_CARD, **{str(n): nearly_a_bomb(12) for n in range(4)}})
    assert Archive.open(data).size > MAX_CARD_INFLATED  # which is little for a library
    with pytest.raises(TooLarge, match="at most 50331648"):
        cards.read(data, stem="file")


def test_icons_that_name_one_file_often_do_not_unpack_it_again() -> None:
    assets = [{"type": "icon", "uri": "embeded://no picture", "name": str(n)} for n in range(300)]
    card = json_bytes({"spec": "chara_card_v3", "data": {"name": "Ada", "assets": assets}})
    source = Counted(zipped({"card.json": card, "no picture": b"<svg/>"}))
    assert charx.read(Archive.open(source), stem="file").picture is None
    assert len(source.reads) == 1 + 2


def packed_card(ratio: int) -> bytes:
    """A PNG with a card that zlib makes so many times smaller, roughly."""
    fields = json.dumps(v1(x="a" * ratio * 1_000)).encode()
    return with_chunks(text_chunk("chara", fields, "zTXt"))


def test_a_text_that_unpacks_to_hundreds_of_times_its_size_is_refused() -> None:
    assert cards.read(packed_card(60), stem="file").card is not None  # a small one
    with pytest.raises(TooLarge, match="more than 400 times its size"):
        cards.read(packed_card(1_000), stem="file")


@pytest.mark.parametrize(
    ("data", "budget"),
    [
        (as_json(v2(root={"x": [[]] * 3_000})), Budget(parts=10_000)),
        (a_byaf({}, {"name": "Ada", "x": [[]] * 3_000}, {}), Budget(parts=10_000)),
        ('{"name":"Ada 🧮"}'.encode() + b" " * 10_000, Budget(memory=100_000)),
        (packed_card(60), Budget(text=100_000)),
        (zipped({"card.json": A_CARD, "a": b"a" * 10_000}), Budget(inflated=25_000)),
        (b"name: Ada\ndescription: " + b"a" * 10_000, Budget(yaml=25_000)),
    ],
    ids=["parts", "parts in an archive", "memory", "texts of pictures", "archives", "YAML"],
)
def test_what_comes_together_is_counted_together(data: bytes, budget: Budget) -> None:
    assert cards.read(data, stem="file", budget=budget).card is not None
    with pytest.raises(TooLarge):  # noqa: PT012 (which of them is too much is not the point)
        for _ in range(2):
            assert cards.read(data, stem="file", budget=budget).card is not None
    assert cards.read(b'{"name":"Ada"}', stem="file", budget=budget).card is not None


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("a", 1),
        ("é", 1),
        (r"\u00e9", 2),
        ("数", 2),
        (r"é\u6570", 2),
        ("🧮", 4),
        (r"数🧮", 4),
        (r"\ud83e", 4),  # half a pair: what is there of it is not told apart
    ],
)
def test_a_text_costs_what_its_widest_character_may_take_in_memory(text: str, width: int) -> None:
    data, budget = f'{{"name":"{text}"}}', Budget()
    before = budget.memory
    cards.read(data.encode(), stem="file", budget=budget)
    assert before - budget.memory == len(data) * width


def test_keys_that_are_there_twice_are_compared_up_to_a_limit() -> None:
    pairs = b'{"a":1,"a":2},' * 11_000
    found = cards.read(b'{"name":"Ada","x":[' + pairs + b'{"a":1,"a":2}]}', stem="file")
    assert found.card is not None
    assert found.card.others["x"][-1] == {"a": 2}
    told = [str(repair) for repair in found.repairs]
    assert told[0].endswith("(and 9999 more like it)")
    keys = ",".join(f'"{n}":1' for n in range(15_000))
    wide = cards.read(f'{{"name":"Ada","x":{{{keys},{keys}}}}}'.encode(), stem="file")
    assert [str(repair) for repair in wide.repairs] == [
        "The file: there may be more keys that are there twice, which were not looked for"
    ]


@pytest.mark.parametrize("digits", [309, 400, 5_000])
def test_a_number_that_no_float_holds_is_none(digits: int) -> None:
    number = "9" * digits
    book = {"scan_depth": number, "entries": [{"keys": [], "insertion_order": number}]}
    found = cards.read(as_json(v2(creation_date=number, character_book=book)), stem="file").card
    assert found is not None
    assert "creation_date" not in found.data
    assert found.book is not None
    assert "scan_depth" not in found.book
    assert found.book["entries"][0]["insertion_order"] == 100


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
@pytest.mark.parametrize(
    "text", ['name: "\\U00110000"', 'name: "\\UFFFFFFFF"', f"%YAML 1.{'1' * 5_000}\n---\nname: x"]
)
def test_numbers_in_yaml_that_are_none_are_refused(loader: Any, text: str) -> None:
    with pytest.raises(BrokenCard, match="YAML is malformed"):
        yaml_card.read(text.encode(), stem="file", loader=loader)
