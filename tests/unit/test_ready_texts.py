"""Answers that are kept ready."""

import json

import pytest

from chalicelib.services.ready_texts import EncodedText, ReadyTexts


class Maker:
    """Makes a text, and counts how often."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.times = 0

    def __call__(self) -> str:
        self.times += 1
        return self.text


@pytest.mark.parametrize("text", ["", "plain", "Ünïcode", "日本語", "😀 and more"])
def test_an_encoded_text_is_the_text(text: str) -> None:
    encoded = EncodedText(text)
    assert encoded == text
    assert encoded.encode() == encoded.encode("utf-8") == text.encode()
    assert encoded.encode("utf-16-le", "replace") == text.encode("utf-16-le")
    assert json.dumps({"body": encoded}) == json.dumps({"body": text})


def test_its_bytes_are_made_once() -> None:
    encoded = EncodedText("Ünïcode")
    assert encoded.encode() is encoded.encode()


def test_half_a_surrogate_has_no_bytes() -> None:
    with pytest.raises(UnicodeEncodeError):
        EncodedText("\ud83d")


def test_a_text_is_made_once_for_a_mark() -> None:
    ready, make = ReadyTexts(), Maker("list")
    first = ready.get("ada", "1", make)
    assert ready.get("ada", "1", make) is first
    assert (make.text, make.times) == ("list", 1)
    make.text = "another list"
    assert ready.get("ada", "2", make) == "another list"
    assert ready.get("bob", "2", Maker("his own")) == "his own"
    assert ready.get("ada", "2", make) == "another list"
    assert make.times == 2


def test_the_one_that_was_asked_for_longest_ago_gives_way() -> None:
    size = EncodedText("x" * 1_000).held
    ready = ReadyTexts(max_bytes=4 * size)
    makers = {name: Maker(name * 1_000) for name in "abcde"}
    for name in ("a", "b", "c", "d", "a", "e"):  # b makes room for e
        ready.get(name, "1", makers[name])
    for name in ("a", "c", "d", "e"):
        ready.get(name, "1", makers[name])
    assert {name: make.times for name, make in makers.items()} == dict.fromkeys("abcde", 1)
    ready.get("b", "1", makers["b"])
    assert makers["b"].times == 2


def test_what_would_take_most_of_the_room_is_not_kept() -> None:
    ready, large, small = ReadyTexts(max_bytes=4_000), Maker("x" * 3_000), Maker("y")
    ready.get("small", "1", small)
    for _ in range(2):
        assert ready.get("large", "1", large) == large.text
        ready.get("small", "1", small)
    assert (large.times, small.times) == (2, 1)


def test_what_is_not_kept_is_not_copied() -> None:
    text = "\N{GRINNING FACE}" * 1_000
    assert ReadyTexts(max_bytes=4_000).get("large", "1", lambda: text) is text


def test_a_text_that_became_too_large_leaves_its_room_to_others() -> None:
    size = EncodedText("x" * 1_000).held
    ready = ReadyTexts(max_bytes=4 * size)
    ready.get("grows", "1", Maker("x" * 1_000))
    ready.get("grows", "2", Maker("x" * 10_000))
    makers = {name: Maker(name * 1_000) for name in "abcd"}
    for _ in range(2):
        for name, make in makers.items():
            ready.get(name, "1", make)
    assert [make.times for make in makers.values()] == [1, 1, 1, 1]
