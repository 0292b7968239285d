"""JSON of strangers: what Python would take and nobody could store."""

import time
from typing import Any

import pytest

from chalicelib import cards
from chalicelib.cards import BrokenCard, json_card
from chalicelib.errors import TooLarge
from tests.cards import as_json, v1, v2

MEBIBYTE = 1024 * 1024


def parsed(text: str) -> tuple[Any, list[str]]:
    value, repairs = json_card.parse(text.encode())
    return value, [str(repair) for repair in repairs]


@pytest.mark.parametrize(
    ("text", "value", "where"),
    [
        ('{"a":[1,NaN]}', {"a": [1, None]}, "a[1]"),
        ('{"a":-Infinity}', {"a": None}, "a"),
        ('{"a":1e999}', {"a": None}, "a"),
        ('{"a":{"b":1,"b":2}}', {"a": {"b": 2}}, "a.b"),
        ('{"a":"x\\ud800y"}', {"a": "x�y"}, "a"),
        ('{"a":{"\\udfff":1}}', {"a": {"�": 1}}, "a"),
        ('{"\\udfff":NaN}', {"�": None}, "�"),
        ("NaN", None, "The file"),
        ('\ufeff{"a":1}', {"a": 1}, "The file"),
    ],
)
def test_what_cannot_be_stored_is_repaired_and_told(text: str, value: object, where: str) -> None:
    found, repairs = parsed(text)
    assert found == value
    assert repairs[-1].startswith(f"{where}: ")


def test_whole_surrogate_pairs_are_no_repair() -> None:
    assert parsed('{"a":"\\ud83e\\uddee"}') == ({"a": "🧮"}, [])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "line 1 column 1"),
        ('{"a":1,}', "line 1 column 8"),
        ('{"a":\n"', "line 2 column 1"),
        ('{"a":' + "1" * 5_000 + "}", "too many digits"),
        ("[" * 65 + "]" * 65, "deeper than 64 levels"),
        ("[" * 100_000, "deeper than 64 levels"),
        ('{"a":' * 65 + "1" + "}" * 65, "deeper than 64 levels"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(text: str, reason: str) -> None:
    with pytest.raises(BrokenCard, match=reason):
        parsed(text)


def test_what_would_be_too_deep_when_it_is_written_is_refused() -> None:
    def nested(levels: int) -> Any:
        value: Any = []
        for _ in range(levels - 1):
            value = [value]
        return value

    deepest = cards.read(as_json(v1(extensions={"a": nested(61)})), stem="stem").card
    assert deepest is not None
    assert cards.read(cards.write_json(deepest), stem="stem").card == deepest
    with pytest.raises(BrokenCard, match="deeper than 64 levels"):
        cards.read(as_json(v1(extensions={"a": nested(62)})), stem="stem")


def test_only_so_many_repairs_are_told() -> None:
    many = {f"key {number}": float("nan") for number in range(300)}
    repairs = cards.read(as_json(v2(root=many)), stem="stem").repairs
    assert len(repairs) == 101
    assert str(repairs[-1]) == "the card: 200 further repairs"


def test_millions_of_repairs_are_not_counted() -> None:
    halves = b'{"name":"Ada","x":[' + b'"\\ud800",' * 11_000 + b"1]}"
    repairs = cards.read(halves, stem="stem").repairs
    assert [str(repair) for repair in repairs] == [
        "x[0]: half of a surrogate pair became U+FFFD (and 9999 more like it)",
        "the card: there may be more repairs, which were not counted",
    ]


LARGE = {
    "nothing but lists": b'{"name":"a","x":[' + b"[]," * 600_000 + b"[]]}",
    "nothing but brackets": b"[" * (2 * MEBIBYTE),
    "wide characters": '{{"name":"{}"}}'.format("😀" + "a" * (21 * MEBIBYTE)).encode(),
    "wide characters as escapes": b'{"name":"\\ud83d' + b"a" * (21 * MEBIBYTE) + b'"}',
    "tags in millions": b'{"name":"a","tags":"' + b"ab," * MEBIBYTE + b'"}',
    "tags of numbers": b'{"name":"a","tags":[' + b"1," * 300_000 + b"1]}",
    "entries in millions": b'{"name":"a","character_book":[' + b"{}," * 100_000 + b"1]}",
}


@pytest.mark.parametrize("name", LARGE)
def test_what_costs_too_much_is_refused_before_it_does(name: str) -> None:
    began = time.process_time()
    with pytest.raises(TooLarge):
        cards.read(LARGE[name], stem="stem")
    assert time.process_time() - began < 2


def test_texts_that_never_end_are_gone_through_once() -> None:
    began = time.process_time()
    with pytest.raises(BrokenCard):
        cards.read(b"[" * 400_000 + b'"' + b'\\"' * MEBIBYTE, stem="stem")
    assert time.process_time() - began < 2


def test_the_largest_card_that_people_have_is_quick() -> None:
    fields = v2(description="a fact. 数 " * 1_070_000)
    data = as_json(fields)
    began = time.process_time()
    card = cards.read(data, stem="stem").card
    assert card is not None
    assert cards.write_json(card)
    assert time.process_time() - began < 2
