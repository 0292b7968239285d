"""YAML: what its fields become, and that no text of strangers takes long, or memory."""

import time
from contextlib import suppress
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.cards import yaml_card
from chalicelib.cards.card import BrokenCard, Card
from chalicelib.cards.reading import read
from chalicelib.errors import InvalidInput, TooLarge, UnsupportedMediaType
from tests.unit.cards.archives import A_YAML

LOADERS = [yaml.SafeLoader, yaml.CSafeLoader]


def card_of(text: str, loader: Any = yaml.CSafeLoader) -> Card:
    """The card in a YAML text."""
    found = yaml_card.read(text.encode(), stem="file", loader=loader)
    assert found.card is not None
    return found.card


@pytest.mark.parametrize("loader", LOADERS)
def test_old_names_become_those_of_cards(loader: Any) -> None:
    found = yaml_card.read(A_YAML, stem="file", loader=loader)
    assert found.card is not None
    assert found.kind == "yaml"
    assert found.card.name == "Ada"
    assert found.card.description == "Ada is a mathematician.\nShe writes programs.\n"
    assert found.card.data["first_mes"] == "Good day, {{user}}!"
    assert found.card.tags == ("history", "1843")
    assert read(A_YAML, stem="file") == found


def test_the_names_of_cards_count_where_both_are_there() -> None:
    card = card_of("name: Ada\ndescription: new\ncontext: old\npersonality: calm\n")
    assert card.description == "new"
    assert card.data["personality"] == "calm"
    assert card.others == {"context": "old"}


@pytest.mark.parametrize("name", ["No", "yes", "007", "1e3", "2001-01-01", "0x10", "1:30", ".inf"])
def test_a_name_is_a_text_whatever_it_looks_like(name: str) -> None:
    assert card_of(f"name: {name}\ntags: [{name}]").name == name
    assert card_of(f"name: {name}\ntags: [{name}]").tags == (name,)


def test_fields_that_no_card_knows_keep_their_values() -> None:
    card = card_of("name: Ada\nx: {a: 1, b: [true, ~, null, 1.5, -2, 'no', no, 1e999, t]}\ny:\n")
    assert card.others == {
        "x": {"a": 1, "b": [True, None, None, 1.5, -2, "no", "no", "1e999", "t"]},
        "y": None,
    }


def test_gradio_s_names_are_known_in_yaml_too() -> None:
    assert card_of("char_name: Ada\nchar_persona: calm\n").description == "calm"


def test_a_key_that_is_there_twice_is_a_repair() -> None:
    found = yaml_card.read(b"name: Ada\nname: Bea\n", stem="file")
    assert found.card is not None
    assert found.card.name == "Bea"
    assert [repair.where for repair in found.repairs] == ["name"]


@pytest.mark.parametrize("text", ["", "hello", "- name: Ada", "a: 1", "42", "# nothing", "---\n"])
def test_what_is_no_mapping_of_a_card_is_of_another_kind(text: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        yaml_card.read(text.encode(), stem="file")


def test_bytes_that_are_no_text_are_of_another_kind() -> None:
    with pytest.raises(UnsupportedMediaType):
        yaml_card.read(b"name: \xff", stem="file")


@pytest.mark.parametrize("loader", LOADERS)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name: &a Ada\ncontext: *a\n", "line 2, column 10: references"),
        ("a: &a [x]\nname: {<<: *a}\n", "references"),
        ("name: Ada\ncontext: [a\n", "line 3"),
        ("name: 'Ada\n", "malformed"),
        ("name: Ada\n? [a, b]\n: c\n", "line 2, column 3: a key has to be a text"),
        ("name: " + "[" * 20, "levels deep"),
        ("name: a\x01b\n", "malformed"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(loader: Any, text: str, message: str) -> None:
    with pytest.raises(BrokenCard, match=message):
        card_of(text, loader)


def test_tags_of_python_are_texts_like_others() -> None:
    card = card_of("name: !!python/object/apply:os.system [ls]\ncontext: !!int x\n")
    assert card.name == "ls"
    assert card.description == "x"


def test_half_of_a_surrogate_pair_is_repaired() -> None:
    found = yaml_card.read(b'name: "a\\uD800"\n', stem="file", loader=yaml.SafeLoader)
    assert found.card is not None
    assert found.card.name == "a\N{REPLACEMENT CHARACTER}"
    assert found.repairs[0].what.startswith("half of a surrogate")


def test_more_than_a_card_can_need_is_refused() -> None:
    assert card_of("name: Ada\ncontext: " + "a " * 60_000).name == "Ada"
    with pytest.raises(TooLarge, match="at most 131072"):
        card_of("name: Ada\ncontext: " + "a " * 70_000)
    with pytest.raises(TooLarge, match="more than 5000 values"):
        card_of("name: Ada\ncontext: [" + "a," * 5_000 + "]")


def filled(unit: str) -> str:
    """As many of them as are allowed."""
    return "name: " + unit * ((yaml_card.MAX_BYTES - 10) // len(unit))


SLOW = {
    "directives": "%A b\n" * (yaml_card.MAX_BYTES // 5),
    "words": filled("b "),
    "brackets": filled("["),
    "escapes": 'name: "' + "\\n" * (yaml_card.MAX_BYTES // 2 - 10),
    "lines": filled("\n"),
    "items": "name: [" + "1," * (yaml_card.MAX_BYTES // 2 - 10),
    "keys": "k: v\n" * (yaml_card.MAX_BYTES // 5),
    "indented": "".join(" " * depth + "name:\n" for depth in range(450)),
}


def seconds_for(text: str, loader: Any) -> float:
    """How long the processor is busy with a text."""
    begun = time.process_time()
    with suppress(InvalidInput, TooLarge, UnsupportedMediaType):
        card_of(text, loader)
    return time.process_time() - begun


@pytest.mark.parametrize(
    ("loader", "texts"),
    [(yaml.CSafeLoader, list(SLOW.values())), (yaml.SafeLoader, [SLOW["directives"]])],
)
def test_no_text_takes_long(loader: Any, texts: list[str]) -> None:
    # 0.02 s and 0.26 s; whoever nests, repeats or collects would take minutes.
    assert max(seconds_for(text, loader) for text in texts) < 5


VALUES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20)


@settings(max_examples=40, deadline=None)
@given(st.fixed_dictionaries({"name": VALUES.filter(str.strip), "context": VALUES}))
def test_what_other_programs_write_is_read(fields: dict[str, str]) -> None:
    card = card_of(yaml.safe_dump(fields, allow_unicode=True))
    assert (card.name, card.description) == (fields["name"], fields["context"])
