"""Tokens: well formed or refused at once, and never the token of another."""

import hashlib
import re
import string
import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.security.tokens import (
    SERVICE_KEY,
    SESSION,
    SOCKET_TICKET,
    Parsed,
    hash_of,
    matches,
    mint,
    parse,
)

PREFIXES = (SERVICE_KEY, SESSION, SOCKET_TICKET)
DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
# Tokens that were given out must be known for ever: do not change it.
KNOWN = "ctsk_0123456789ABCDEFabcdefghijklmnopqrstuvwxyz01231okAF2"
KNOWN_HASH = "74bf676a2066e6012064679246e0579a74ecc26cff3ea4918731db55b92939bc"

prefixes = st.sampled_from(PREFIXES)


def parsed(text: str) -> Parsed:
    """The parts of a token that is one."""
    found = parse(text)
    assert found is not None
    return found


def with_checksum(body: str) -> str:
    """What somebody would write who knows how the checksum is made."""
    number, checksum = zlib.crc32(body.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        checksum = DIGITS[digit] + checksum
    return body + checksum


@given(prefixes)
def test_a_new_token_is_known_by_what_is_stored_of_it(prefix: str) -> None:
    token = mint(prefix)
    found = parsed(token.text)
    assert (found.prefix, found.lookup) == (prefix, token.lookup)
    assert matches(found, token.hash)


@given(prefixes)
def test_a_token_is_letters_and_digits_after_its_prefix(prefix: str) -> None:
    body = mint(prefix).text.removeprefix(prefix)
    assert re.fullmatch(r"[0-9A-Za-z]{52}", body)


def test_the_secret_has_at_least_160_bits() -> None:
    assert 62 ** len(parsed(mint(SESSION).text).secret) > 2**160


def test_no_two_tokens_are_alike() -> None:
    tokens = [mint(SESSION) for _ in range(1000)]
    for what in (
        {token.text for token in tokens},
        {token.lookup for token in tokens},
        {token.hash for token in tokens},
    ):
        assert len(what) == len(tokens)


def test_what_is_no_prefix_mints_nothing() -> None:
    for prefix in ("", "ctsk", "ghp_"):
        with pytest.raises(ValueError, match="prefix"):
            mint(prefix)


def test_a_token_of_an_earlier_version_is_still_known() -> None:
    assert with_checksum(KNOWN[:-6]) == KNOWN
    assert hashlib.sha256(KNOWN[:-6].encode()).hexdigest() == KNOWN_HASH
    assert matches(parsed(KNOWN), KNOWN_HASH)


@given(prefixes, st.data())
def test_one_wrong_character_is_noticed_without_the_store(prefix: str, data: st.DataObject) -> None:
    text = mint(prefix).text
    place = data.draw(st.integers(0, len(text) - 1))
    wrong = data.draw(st.characters().filter(lambda other: other != text[place]))
    assert parse(text[:place] + wrong + text[place + 1 :]) is None


@given(prefixes, st.data())
def test_two_swapped_characters_are_noticed_without_the_store(
    prefix: str, data: st.DataObject
) -> None:
    text = mint(prefix).text
    place = data.draw(
        st.integers(0, len(text) - 2).filter(lambda place: text[place] != text[place + 1])
    )
    swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
    assert parse(swapped) is None


@given(prefixes, st.data())
def test_a_part_of_a_token_is_none(prefix: str, data: st.DataObject) -> None:
    text = mint(prefix).text
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)).filter(lambda end: end - start < len(text)))
    assert parse(text[start:end]) is None


@given(st.text())
def test_other_text_is_none(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize("around", ["{}\n", " {}", "{} ", "Bearer {}", "{0}{0}", "{}\x00"])
def test_a_token_with_something_around_it_is_none(around: str) -> None:
    assert parse(around.format(mint(SERVICE_KEY).text)) is None


def test_digits_of_other_scripts_are_none() -> None:
    assert parse(with_checksum(SESSION + "٣" * 46)) is None


@given(prefixes, prefixes.flatmap(st.just), st.data())
def test_a_token_does_not_match_when_any_part_is_another(
    prefix: str, other: str, data: st.DataObject
) -> None:
    token, stranger = mint(prefix), parsed(mint(other).text)
    own = parsed(token.text)
    changed = [
        replace(own, secret=stranger.secret),
        replace(own, lookup=stranger.lookup),
        *[replace(own, prefix=found) for found in PREFIXES if found != prefix],
    ]
    assert not any(matches(one, token.hash) for one in changed)


def test_a_service_key_cannot_be_rewritten_into_a_session() -> None:
    key = mint(SERVICE_KEY)
    forged = with_checksum(SESSION + key.text.removeprefix(SERVICE_KEY)[:-6])
    assert not matches(parsed(forged), key.hash)


@pytest.mark.parametrize("stored", ["", "é", "0" * 64])
def test_what_is_no_hash_of_it_matches_nothing(stored: str) -> None:
    assert not matches(parsed(mint(SESSION).text), stored)


@given(prefixes)
def test_neither_half_shows_its_secret(prefix: str) -> None:
    token = mint(prefix)
    secret = parsed(token.text).secret
    assert secret not in f"{token!r} {token.hash} {token.lookup} {parsed(token.text)!r}"


@given(prefixes, prefixes)
def test_a_token_may_share_the_look_up_id_of_another_and_nothing_else(one: str, two: str) -> None:
    first = mint(one)
    second = mint(two, first.lookup)
    assert second.lookup == first.lookup == parsed(second.text).lookup
    assert matches(parsed(second.text), second.hash)
    assert not matches(parsed(second.text), first.hash)
    assert hash_of(parsed(second.text)) == second.hash


@pytest.mark.parametrize("lookup", ["short", "x" * 17, "é" * 16, "0123456789abcde_"])
def test_what_is_no_look_up_id_cannot_be_shared(lookup: str) -> None:
    with pytest.raises(ValueError, match="look-up id"):
        mint(SESSION, lookup)
