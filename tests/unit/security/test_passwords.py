"""Passwords are kept such that only the right one is known again."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.security.passwords import (
    DUMMY_HASH,
    LANES,
    MEMORY_KIB,
    PASSES,
    hash_password,
    needs_rehash,
    verify,
)

# https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
OWASP = {(47_104, 1, 1), (19_456, 2, 1), (12_288, 3, 1), (9_216, 4, 1), (7_168, 5, 1)}
# Of "password", with the salt "somesalt": the test vectors of the reference implementation
# (https://github.com/P-H-C/phc-winner-argon2/blob/master/src/test.c).
REFERENCE = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
COMPOSED, DECOMPOSED = "caf\u00e9 noir", "cafe\u0301 noir"


def phc(memory: int, passes: int, lanes: int) -> str:
    """A hash with these parameters."""
    return f"$argon2id$v=19$m={memory},t={passes},p={lanes}$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c"


@settings(max_examples=10, deadline=None)
@given(st.text(max_size=50), st.text(max_size=50))
def test_a_hash_knows_its_own_password_and_no_other(password: str, other: str) -> None:
    kept = hash_password(password)
    assert verify(password, kept)
    assert verify(other + "x", kept) is (other + "x" == password)


def test_one_password_never_has_the_same_hash_twice() -> None:
    assert hash_password("open sesame") != hash_password("open sesame")


def test_the_password_is_not_in_its_hash() -> None:
    assert "sesame" not in hash_password("open sesame")


def test_hashes_of_other_programs_are_understood() -> None:
    assert verify("password", REFERENCE)
    assert not verify("Password", REFERENCE)


@pytest.mark.parametrize(("set_by", "typed"), list(product((COMPOSED, DECOMPOSED), repeat=2)))
def test_a_letter_with_an_accent_is_the_same_however_a_system_writes_it(
    set_by: str, typed: str
) -> None:
    assert verify(typed, hash_password(set_by))


def test_case_and_spaces_count() -> None:
    kept = hash_password("Open sesame")
    assert not verify("open sesame", kept)
    assert not verify("Open sesame ", kept)


def test_text_that_no_encoding_knows_is_a_password_too() -> None:
    assert verify("\ud800", hash_password("\ud800"))


@pytest.mark.parametrize(
    "stored",
    [
        *("", "password", "password\x00", "é", "$argon2id$v=19$m=8,t=1,p=1$$"),
        *(REFERENCE[:-1], REFERENCE.replace("argon2id", "argon2i")),
        *(phc(0, 2, 1), phc(19_456, 0, 1), phc(19_456, 2, 0)),
    ],
)
def test_what_is_no_hash_belongs_to_no_password(stored: str) -> None:
    assert not verify("password", stored)
    assert not verify(stored, stored)


def test_the_parameters_are_among_those_that_owasp_recommends() -> None:
    assert (MEMORY_KIB, PASSES, LANES) in OWASP
    assert f"$m={MEMORY_KIB},t={PASSES},p={LANES}$" in hash_password("open sesame")


def test_todays_hashes_stay_as_they_are() -> None:
    assert not needs_rehash(hash_password("open sesame"))
    assert not needs_rehash(phc(MEMORY_KIB * 2, PASSES, LANES))


@pytest.mark.parametrize(
    "weaker",
    [
        phc(MEMORY_KIB - 1, PASSES, LANES),
        phc(MEMORY_KIB, PASSES - 1, LANES),
        "$2b$12$R9h/cIPz0gi.URNNX3kh2OPST9/PgBkqquzi.Ss7KIUgO2t0jWMUW",
    ],
)
def test_weaker_hashes_are_to_be_made_anew(weaker: str) -> None:
    assert needs_rehash(weaker)


def test_an_unknown_user_takes_as_much_work_as_a_known_one() -> None:
    assert not needs_rehash(DUMMY_HASH)
    assert len(DUMMY_HASH) == len(hash_password("open sesame"))
    assert DUMMY_HASH.split("$")[:4] == hash_password("open sesame").split("$")[:4]
