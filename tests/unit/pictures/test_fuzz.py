"""Files that are changed at random: always a clean picture or a refusal, never anything else."""

import random
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import pictures
from chalicelib.errors import InvalidInput, TooLarge, UnsupportedMediaType
from tests.unit.pictures.samples import all_kinds

KINDS = all_kinds()
ROUNDS = 150
INTERESTING = [0, 1, 2, 0x7F, 0x80, 0xFE, 0xFF]
REFUSALS = (InvalidInput, TooLarge, UnsupportedMediaType)
STARTS = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF89a", b"RIFF\x40\0\0\0WEBP"]


def look_at(file: bytes) -> bool:
    """Whether a file is a picture; then cleaning it again changes nothing."""
    with suppress(*REFUSALS):
        pictures.inspect(file)
    try:
        cleaned = pictures.clean(file)
    except REFUSALS:
        return False
    assert pictures.clean(cleaned) == cleaned
    return True


def changed(file: bytes, chance: random.Random) -> bytes:
    """A file with something overwritten, left out, repeated or brought from elsewhere."""
    data = bytearray(file)
    for _ in range(chance.choice([1, 1, 2, 5])):
        at, to = sorted(chance.choices(range(len(data) + 1), k=2))
        match chance.randrange(6):
            case 0:
                data[min(at, len(data) - 1)] = chance.choice(INTERESTING)
            case 1:
                data[min(at, len(data) - 1)] ^= 1 << chance.randrange(8)
            case 2:
                del data[at : min(to, at + 40)]
            case 3:
                data[to:to] = data[at : at + 60]
            case 4:
                data[at : at + 4] = chance.randbytes(4)
            case 5:
                other = chance.choice([*KINDS.values()])
                data[at:] = other[chance.randrange(len(other)) :]
        if not data:
            return b""
    return bytes(data)


@pytest.mark.parametrize("name", KINDS)
def test_a_changed_file_is_cleaned_or_refused(name: str) -> None:
    chance = random.Random(name)  # noqa: S311 (the same files each time)
    outcomes = [look_at(changed(KINDS[name], chance)) for _ in range(ROUNDS)]
    assert set(outcomes) <= {True, False}
    assert False in outcomes


@settings(max_examples=300, derandomize=True, database=None, deadline=None)
@given(start=st.sampled_from(STARTS), rest=st.binary(max_size=300))
def test_any_bytes_after_a_start_are_refused_or_cleaned(start: bytes, rest: bytes) -> None:
    look_at(start + rest)


@settings(max_examples=200, derandomize=True, database=None, deadline=None)
@given(st.binary(max_size=100))
def test_any_bytes_are_refused(data: bytes) -> None:
    assert not look_at(data)
