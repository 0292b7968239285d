"""What the files of characters are called, however they come."""

import pytest

from chalicelib.services.characters import names

MOST = 200
MOST_BYTES = 600


@pytest.mark.parametrize("letter", ["x", "é", "数", "🧮"])
def test_a_long_name_is_cut_and_keeps_its_ending(letter: str) -> None:
    for name in (names.file_name(f"{letter * 900}.png"), names.with_ending(letter * 900, "png")):
        assert name.endswith(f"{letter}.png")
        assert len(name) <= MOST
        assert len(name.encode()) <= MOST_BYTES
    assert len(names.file_name("x" * 900)) == MOST


@pytest.mark.parametrize("letter", ["x", "数", "🧮"])
def test_a_number_behind_a_long_name_makes_it_no_longer(letter: str) -> None:
    name = names.file_name(f"{letter * 900}.png")
    second = names.free(name, {name})
    third = names.free(name, {name, second})
    assert second.endswith(f"{letter} (2).png")
    assert third.endswith(f"{letter} (3).png")
    assert max(len(second), len(third)) <= MOST
    assert max(len(second.encode()), len(third.encode())) <= MOST_BYTES
