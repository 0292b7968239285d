"""The vault, on a key file and on KMS: a wrapped key opens for its own row only."""

import base64
import json
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.aws import clients
from chalicelib.adapters.aws.vault import KmsVault
from chalicelib.adapters.embedded.vault import EmbeddedVault
from chalicelib.errors import SecretUnreadable
from chalicelib.ports import Vault
from chalicelib.security.envelopes import associated_data, open_, rewrapped, seal, wrapped_key
from infra.resources import ResourceNames
from tests.aws_calls import counted_aws_calls

ALIAS = "alias/comfytavern-test"
ADA = {"uid": "ada", "credential": "1", "service": "openai"}
BOB = {**ADA, "uid": "bob"}
SECRET = b"sk-live-0123456789-top-secret"
OTHERS: list[dict[str, str]] = [
    *(BOB, {**ADA, "credential": "2"}, {**ADA, "service": "OpenAI"}),
    *({}, {**ADA, "more": ""}, {"uid": "ada"}, {value: name for name, value in ADA.items()}),
]


@dataclass(frozen=True, slots=True)
class Family:
    """A vault, and what an operator does to it.

    ``master_of`` tells under which master key a data key is wrapped.
    """

    vault: Vault
    rotate: Callable[[], object]
    master_of: Callable[[bytes], str]


class Answer(NamedTuple):
    """The part of an HTTP response that the SDK looks at."""

    status_code: int


@pytest.fixture(params=["embedded", "aws"])
def family(request: pytest.FixtureRequest) -> Family:
    """Both."""
    made: Family = request.getfixturevalue(f"{request.param}_vault")
    return made


@pytest.fixture
def vault(family: Family) -> Vault:
    """The vault of each."""
    return family.vault


@pytest.fixture
def embedded_vault(tmp_path: Path) -> Family:
    """On a key file of its own."""
    made = EmbeddedVault(tmp_path / "keys")
    return Family(made, made.rotate, lambda wrapped: wrapped[1:9].hex())


@pytest.fixture
def aws_vault(moto_names: ResourceNames) -> Iterator[Family]:
    """On the stage's key, with clients whose events are dropped after the test."""
    clients.forget()
    yield Family(KmsVault(ALIAS), move_the_alias, key_in_kms)
    clients.forget()


def move_the_alias() -> None:
    """Let the stage's alias stand for a new key."""
    made = clients.kms().create_key()["KeyMetadata"]["KeyId"]
    clients.kms().update_alias(AliasName=ALIAS, TargetKeyId=made)


def key_in_kms(wrapped: bytes) -> str:
    """The key that KMS says it took."""
    return clients.kms().decrypt(CiphertextBlob=wrapped, EncryptionContext=ADA)["KeyId"]


def kms_fails(operation: str, code: str, times: int = 99) -> list[str]:
    """KMS answers with this error; returns what is noted of each call."""
    noted: list[str] = []
    error = {
        "Error": {"Code": code, "Message": "no"},
        "ResponseMetadata": {"HTTPStatusCode": 400, "RetryAttempts": 0},
    }

    def answer(**_: object) -> Any:
        noted.append(operation)
        return (Answer(400), error) if len(noted) <= times else None

    clients.kms().meta.events.register(f"before-call.kms.{operation}", answer)
    return noted


def changed(data: bytes, place: int) -> bytes:
    """The bytes with one of them turned."""
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def test_a_key_unwraps_in_its_context(vault: Vault) -> None:
    key = vault.new_key(ADA)
    assert len(key.plain) == 32
    assert vault.unwrap(key.wrapped, ADA) == key.plain
    assert vault.unwrap(key.wrapped, dict(reversed(ADA.items()))) == key.plain


def test_no_two_keys_are_alike(vault: Vault) -> None:
    keys = [vault.new_key(ADA) for _ in range(20)]
    assert len({key.plain for key in keys}) == len({key.wrapped for key in keys}) == 20


def test_the_key_is_not_in_what_is_stored_of_it(vault: Vault) -> None:
    key = vault.new_key(ADA)
    assert key.plain not in key.wrapped


@pytest.mark.parametrize("other", OTHERS, ids=str)
def test_it_does_not_unwrap_in_another_context(vault: Vault, other: Mapping[str, str]) -> None:
    key = vault.new_key(ADA)
    for use in (vault.unwrap, vault.rewrap):
        with pytest.raises(SecretUnreadable):
            use(key.wrapped, other)


def test_it_does_not_unwrap_with_any_byte_changed(vault: Vault) -> None:
    wrapped = vault.new_key(ADA).wrapped
    for place in range(len(wrapped)):
        with pytest.raises(SecretUnreadable):
            vault.unwrap(changed(wrapped, place), ADA)


@pytest.mark.parametrize(
    "cut", [slice(0), slice(1), slice(9), slice(40), slice(-1), slice(1, None)]
)
def test_a_part_of_it_does_not_unwrap(vault: Vault, cut: slice) -> None:
    part = vault.new_key(ADA).wrapped[cut]
    for use in (vault.unwrap, vault.rewrap):
        with pytest.raises(SecretUnreadable):
            use(part, ADA)


def test_more_than_it_does_not_unwrap(vault: Vault) -> None:
    wrapped = vault.new_key(ADA).wrapped
    for more in (wrapped + b"\x00", wrapped + wrapped, wrapped * 100):
        with pytest.raises(SecretUnreadable):
            vault.unwrap(more, ADA)


def test_wrapped_anew_it_is_the_same_key_in_the_same_context(vault: Vault) -> None:
    key = vault.new_key(ADA)
    again = vault.rewrap(key.wrapped, ADA)
    assert again != key.wrapped
    assert vault.unwrap(again, ADA) == key.plain
    with pytest.raises(SecretUnreadable):
        vault.unwrap(again, BOB)


def test_after_a_rotation_new_keys_and_rewrapped_ones_hang_on_the_new_master(
    family: Family,
) -> None:
    key = family.vault.new_key(ADA)
    before = family.master_of(key.wrapped)
    family.rotate()
    assert family.vault.unwrap(key.wrapped, ADA) == key.plain
    again = family.vault.rewrap(key.wrapped, ADA)
    assert family.vault.unwrap(again, ADA) == key.plain
    later = family.vault.new_key(ADA)
    assert family.master_of(again) == family.master_of(later.wrapped) != before


def test_an_envelope_outlives_a_rotation_by_rewrapping_alone(family: Family) -> None:
    vault = family.vault
    envelope = seal(SECRET, associated_data(ADA), vault.new_key(ADA))
    for _ in range(2):
        family.rotate()
        envelope = rewrapped(envelope, vault.rewrap(wrapped_key(envelope), ADA))
    key = vault.unwrap(wrapped_key(envelope), ADA)
    assert open_(envelope, associated_data(ADA), key) == SECRET


def test_an_envelope_does_not_open_in_the_row_of_another(vault: Vault) -> None:
    of_bob = seal(b"of bob", associated_data(BOB), vault.new_key(BOB))
    with pytest.raises(SecretUnreadable):
        vault.unwrap(wrapped_key(of_bob), ADA)
    key = vault.unwrap(wrapped_key(of_bob), BOB)
    with pytest.raises(SecretUnreadable):
        open_(of_bob, associated_data(ADA), key)


def test_refusals_tell_no_key(vault: Vault) -> None:
    key = vault.new_key(ADA)
    told: list[str] = []
    for wrapped, context in [
        (key.wrapped, BOB),
        (changed(key.wrapped, -1 % len(key.wrapped)), ADA),
        (b"", ADA),
        (key.plain, ADA),
        (key.wrapped * 100, ADA),
    ]:
        with pytest.raises(SecretUnreadable) as refused:
            vault.unwrap(wrapped, context)
        told += traceback.format_exception(refused.value)
    for form in (repr(key.plain)[2:-1], key.plain.hex(), base64.b64encode(key.plain).decode()):
        assert form not in "".join(told) + repr(key)


def test_the_stages_key_of_kms_is_the_one_that_wraps(aws_vault: Family) -> None:
    (alias,) = [
        alias
        for page in clients.kms().get_paginator("list_aliases").paginate()
        for alias in page["Aliases"]
        if alias["AliasName"] == ALIAS
    ]
    master = aws_vault.master_of(aws_vault.vault.new_key(ADA).wrapped)
    assert master.endswith(alias["TargetKeyId"])


@pytest.mark.parametrize("code", ["DisabledException", "KMSInvalidStateException"])
def test_a_key_of_kms_that_was_taken_away_is_told(aws_vault: Family, code: str) -> None:
    wrapped = aws_vault.vault.new_key(ADA).wrapped
    kms_fails("Decrypt", code)
    with pytest.raises(SecretUnreadable) as refused:
        aws_vault.vault.unwrap(wrapped, ADA)
    assert isinstance(refused.value.__cause__, ClientError)


def test_what_passes_by_itself_is_not_called_unreadable(aws_vault: Family) -> None:
    wrapped = aws_vault.vault.new_key(ADA).wrapped
    kms_fails("Decrypt", "KMSInternalException")
    with pytest.raises(ClientError, match="KMSInternalException"):
        aws_vault.vault.unwrap(wrapped, ADA)


def test_each_operation_is_one_call_of_kms(aws_vault: Family) -> None:
    with counted_aws_calls() as calls:
        key = aws_vault.vault.new_key(ADA)
        aws_vault.vault.unwrap(aws_vault.vault.rewrap(key.wrapped, ADA), ADA)
    assert calls == ["kms.GenerateDataKey", "kms.ReEncrypt", "kms.Decrypt"]


def test_to_rewrap_in_kms_never_shows_the_key(aws_vault: Family) -> None:
    wrapped = aws_vault.vault.new_key(ADA).wrapped
    noted = kms_fails("Decrypt", "ThisIsNeverCalled")
    aws_vault.vault.rewrap(wrapped, ADA)
    assert noted == []


def test_without_its_master_key_a_key_file_says_that_it_is_gone(
    embedded_vault: Family, tmp_path: Path
) -> None:
    vault, file = embedded_vault.vault, tmp_path / "keys" / "master.json"
    key = vault.new_key(ADA)
    embedded_vault.rotate()
    again = vault.rewrap(key.wrapped, ADA)
    kept = json.loads(file.read_text())
    kept["keys"] = {kept["current"]: kept["keys"][kept["current"]]}
    file.write_text(json.dumps(kept))
    assert vault.unwrap(again, ADA) == key.plain
    with pytest.raises(SecretUnreadable):
        vault.unwrap(key.wrapped, ADA)
    file.unlink()
    with pytest.raises(SecretUnreadable):
        vault.unwrap(again, ADA)
