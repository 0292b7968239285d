"""Envelopes open where they belong, as they were sealed, and nowhere else."""

import base64
import json
import os
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import NewerFormat, SecretUnreadable
from chalicelib.security.envelopes import (
    DataKey,
    associated_data,
    open_,
    rewrapped,
    seal,
    wrapped_key,
)

ADA = associated_data({"uid": "ada", "credential": "1"})
BOB = associated_data({"uid": "bob", "credential": "1"})
SECRET = b"sk-live-0123456789-top-secret"

contexts = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4)
json_values = (
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.lists(st.text(max_size=5))
)


def new_key() -> DataKey:
    """A data key, as a vault would give it."""
    return DataKey(plain=os.urandom(32), wrapped=b"wrapped " + os.urandom(16))


def flipped(envelope: Mapping[str, Any], name: str, bit: int) -> dict[str, Any]:
    """The envelope with one bit of a part turned over; counts from the start, and around."""
    data = bytearray(base64.b64decode(envelope[name]))
    data[bit // 8 % len(data)] ^= 1 << bit % 8
    return {**envelope, name: base64.b64encode(data).decode()}


@given(st.binary(max_size=10_000), st.binary(max_size=100))
def test_what_is_sealed_opens_with_its_key_and_its_associated_data(
    plain: bytes, associated: bytes
) -> None:
    key = new_key()
    envelope = seal(plain, associated, key)
    assert open_(envelope, associated, key.plain) == plain
    assert wrapped_key(envelope) == key.wrapped


@given(st.binary())
def test_an_envelope_survives_json(plain: bytes) -> None:
    key = new_key()
    read = json.loads(json.dumps(seal(plain, ADA, key)))
    assert open_(read, ADA, key.plain) == plain


@given(st.binary(min_size=8))
def test_the_secret_and_its_key_are_not_in_the_envelope(plain: bytes) -> None:
    key = new_key()
    parts = seal(plain, ADA, key)
    stored = b"".join(base64.b64decode(parts[name]) for name in parts if name != "version")
    assert plain not in stored
    assert key.plain not in stored


def test_one_secret_is_never_sealed_the_same_way_twice() -> None:
    key = new_key()
    first, second = seal(SECRET, ADA, key), seal(SECRET, ADA, key)
    assert first["nonce"] != second["nonce"]
    assert first["ciphertext"] != second["ciphertext"]


@given(st.binary(), st.binary(), st.binary())
def test_other_associated_data_are_refused(plain: bytes, own: bytes, other: bytes) -> None:
    key = new_key()
    if own != other:
        with pytest.raises(SecretUnreadable):
            open_(seal(plain, own, key), other, key.plain)


@given(st.sampled_from(["nonce", "ciphertext"]), st.integers(0, 10_000))
def test_one_changed_bit_is_refused(name: str, bit: int) -> None:
    key = new_key()
    with pytest.raises(SecretUnreadable):
        open_(flipped(seal(SECRET, ADA, key), name, bit), ADA, key.plain)


@given(st.integers(0, 255))
def test_a_key_with_one_other_bit_is_refused(bit: int) -> None:
    key = new_key()
    other = bytearray(key.plain)
    other[bit // 8] ^= 1 << bit % 8
    with pytest.raises(SecretUnreadable):
        open_(seal(SECRET, ADA, key), ADA, bytes(other))


def test_rows_cannot_be_swapped() -> None:
    ada, bob = new_key(), new_key()
    of_ada, of_bob = seal(b"of ada", ADA, ada), seal(b"of bob", BOB, bob)
    assert open_(of_ada, ADA, ada.plain) == b"of ada"
    for envelope, key in ((of_bob, bob), (of_bob, ada), (of_ada, bob)):
        with pytest.raises(SecretUnreadable):
            open_(envelope, ADA, key.plain)


@pytest.mark.parametrize("part", ["nonce", "ciphertext"])
def test_parts_of_two_envelopes_cannot_be_mixed(part: str) -> None:
    key = new_key()
    first, second = seal(b"first", ADA, key), seal(b"later", ADA, key)
    with pytest.raises(SecretUnreadable):
        open_({**first, part: second[part]}, ADA, key.plain)


@given(contexts, contexts)
def test_only_equal_identities_have_equal_associated_data(
    one: dict[str, str], other: dict[str, str]
) -> None:
    shuffled = dict(reversed(one.items()))
    assert associated_data(one) == associated_data(shuffled)
    assert (associated_data(one) == associated_data(other)) == (one == other)


def test_a_key_that_was_wrapped_anew_changes_nothing_else() -> None:
    key = new_key()
    envelope = seal(SECRET, ADA, key)
    again = rewrapped(envelope, b"wrapped anew")
    assert wrapped_key(again) == b"wrapped anew"
    assert open_(again, ADA, key.plain) == SECRET
    assert wrapped_key(envelope) == key.wrapped


@given(
    st.dictionaries(st.sampled_from(["version", "wrappedKey", "nonce", "ciphertext"]), json_values)
)
def test_what_is_no_envelope_is_refused_and_never_crashes(value: dict[str, Any]) -> None:
    readers: list[Callable[[], object]] = [
        lambda: open_(value, ADA, bytes(32)),
        lambda: open_({"version": 1, **value}, ADA, bytes(32)),
    ]
    for read in readers:
        with pytest.raises((SecretUnreadable, NewerFormat)):
            read()


@pytest.mark.parametrize("wrapped", [None, 1, "not base64!", "é", "YQ="])
def test_a_wrapped_key_that_is_none_is_refused(wrapped: object) -> None:
    with pytest.raises(SecretUnreadable):
        wrapped_key({**seal(SECRET, ADA, new_key()), "wrappedKey": wrapped})


def test_an_envelope_of_a_newer_version_is_left_to_it() -> None:
    key = new_key()
    newer = {**seal(SECRET, ADA, key), "version": 2}
    readers: list[Callable[[], object]] = [
        lambda: open_(newer, ADA, key.plain),
        lambda: wrapped_key(newer),
        lambda: rewrapped(newer, b"anew"),
    ]
    for read in readers:
        with pytest.raises(NewerFormat):
            read()


@pytest.mark.parametrize("version", [0, -1, True, "1", None, 1.0])
def test_a_version_that_never_was_is_refused(version: object) -> None:
    key = new_key()
    with pytest.raises(SecretUnreadable):
        open_({**seal(SECRET, ADA, key), "version": version}, ADA, key.plain)


def test_keys_and_refusals_tell_no_secret() -> None:
    key = new_key()
    envelope = seal(SECRET, ADA, key)
    told = [repr(key), str(key)]
    broken = [flipped(envelope, "ciphertext", 3), {**envelope, "nonce": SECRET.decode()}]
    broken += [{**envelope, "nonce": "é" + SECRET.decode()}, {**envelope, "ciphertext": ""}]
    for value in broken:
        with pytest.raises(SecretUnreadable) as refused:
            open_(value, ADA, key.plain)
        told += traceback.format_exception(refused.value)
    with pytest.raises(SecretUnreadable) as refused:
        open_(envelope, ADA, SECRET)
    told += traceback.format_exception(refused.value)
    for secret in (SECRET, key.plain):
        for text in (repr(secret)[2:-1], secret.hex(), base64.b64encode(secret).decode()):
            assert text not in "".join(told)
