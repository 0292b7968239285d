"""The operator's command that turns the master key, on both families."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import admin, container
from chalicelib.adapters.aws import clients
from chalicelib.ports import Entry, Put
from chalicelib.security import envelopes
from chalicelib.services.accounts import rows as account_rows
from chalicelib.services.callers import OPEN
from tests.api.people import a_user
from tests.api.product import Tavern
from tests.api.test_admin import document, minutes
from tests.api.test_admin import rows as answered

ALIAS = "alias/comfytavern-test"
SECRET = "sk-test-0123456789"
DEFAULT = "default_user"
# In the order of their uids, as they are answered: the one that is in no list is in between.
USERS = ("ada", "bob", DEFAULT, "eve")


def list_users(*uids: str) -> None:
    """Put users where all are listed."""
    for uid in uids:
        container.accounts().write(Put(Entry(account_rows.USERS, uid, {"uid": uid})))


def keep(uid: str) -> str:
    """Have a user keep the secret; its id."""
    draft = {"serviceName": "poems", "credential": SECRET}
    caller = OPEN if uid == DEFAULT else a_user(uid)
    return str(container.credentials().create(caller, draft)["id"])


@pytest.fixture
def kept(either_tavern: Tavern) -> list[tuple[str, str]]:
    """Users and what they keep, two each, and one who keeps nothing."""
    list_users(*(uid for uid in USERS if uid != DEFAULT), "cy")
    return [(uid, keep(uid)) for uid in USERS for _ in range(2)]


def opened(kept: list[tuple[str, str]]) -> set[str]:
    """What the credentials hold."""
    return {container.credentials().open(uid, credential_id) for uid, credential_id in kept}


def row_of(uid: str, credential_id: str) -> Entry:
    """A credential as it is stored."""
    row = container.accounts().get(account_rows.of_user(uid), f"credential#{credential_id}")
    assert row is not None
    return row


def masters(kept: list[tuple[str, str]]) -> set[str]:
    """The master keys that these credentials hang on, as the vaults call them."""
    return {_master(uid, credential_id) for uid, credential_id in kept}


def _master(uid: str, credential_id: str) -> str:
    wrapped = envelopes.wrapped_key(row_of(uid, credential_id).value["envelope"])
    if container.settings().backend == "embedded":
        return wrapped[1:9].hex()
    context = {"uid": uid, "credential": credential_id}
    return clients.kms().decrypt(CiphertextBlob=wrapped, EncryptionContext=context)["KeyId"]


def key_file() -> Mapping[str, Any]:
    """The key file of one machine."""
    path = container.settings().data_dir / "keys" / "master.json"
    found: Mapping[str, Any] = json.loads(path.read_text())
    return found


def kms_turns() -> None:
    """moto's keys have one material: a new key behind the alias stands for a newer one."""
    if container.settings().backend == "aws":
        made = clients.kms().create_key()["KeyMetadata"]["KeyId"]
        clients.kms().update_alias(AliasName=ALIAS, TargetKeyId=made)


def test_credentials_open_after_a_rotation_and_hang_on_the_newer_key_alone(
    kept: list[tuple[str, str]],
) -> None:
    assert opened(kept) == {SECRET}
    (before,) = masters(kept)
    kms_turns()
    assert answered("rotate-keys") == [
        {"user": uid, "rewrapped": 2, "unreadable": 0} for uid in USERS
    ]
    assert opened(kept) == {SECRET}
    (after,) = masters(kept)
    assert after != before


def test_a_rotation_may_be_done_again(kept: list[tuple[str, str]]) -> None:
    first = answered("rotate-keys")
    assert answered("rotate-keys") == first
    assert opened(kept) == {SECRET}
    assert len(masters([*kept, ("ada", keep("ada"))])) == 1


def test_earlier_keys_stay_in_the_key_file(tavern: Tavern) -> None:
    credential = (DEFAULT, keep(DEFAULT))
    (before,) = masters([credential])
    assert "The earlier ones stay" in document("rotate-keys")["note"]
    file = key_file()
    assert set(file["keys"]) == {before, file["current"]}
    assert masters([credential]) == {file["current"]} != {before}


def test_the_key_of_kms_is_left_to_kms(aws_tavern: Tavern) -> None:
    assert document("rotate-keys")["note"].startswith("KMS turns the key by itself")


def turns() -> Iterator[Mapping[str, Any]]:
    """The answers of turns that have time for one user each."""
    arguments: Mapping[str, Any] | None = {}
    while arguments is not None:
        question = {"command": "rotate-keys", "arguments": arguments}
        answer = admin.run(question, minutes(15))
        yield answer
        arguments = answer.get("following")


def test_a_rotation_without_time_goes_on_under_the_same_key(kept: list[tuple[str, str]]) -> None:
    kms_turns()
    answers = list(turns())
    one_each = [[uid] for uid in ("ada", "bob")] + [[]] + [[DEFAULT], ["eve"]]
    assert [[row["user"] for row in answer["rows"]] for answer in answers] == one_each
    assert ["note" in answer for answer in answers] == [True, False, False, False, False]
    assert opened(kept) == {SECRET}
    assert len(masters(kept)) == 1
    if container.settings().backend == "embedded":
        assert len(key_file()["keys"]) == 2


def test_what_cannot_be_read_is_told_and_keeps_no_other_back(kept: list[tuple[str, str]]) -> None:
    (_, one), (_, other) = (each for each in kept if each[0] == "bob")
    foreign, newer = row_of("bob", one), row_of("bob", other)
    container.accounts().write(Put(replace(foreign, partition=account_rows.of_user("cy"))))
    envelope = {**newer.value["envelope"], "version": 2}
    container.accounts().write(Put(replace(newer, value={**newer.value, "envelope": envelope})))
    keep("cy")
    answer = document("rotate-keys")
    assert answer["failed"] is True
    told = {row["user"]: (row["rewrapped"], row["unreadable"]) for row in answer["rows"]}
    assert told == {"ada": (2, 0), "bob": (1, 1), "cy": (1, 1), DEFAULT: (2, 0), "eve": (2, 0)}
    assert row_of("bob", other).value["envelope"] == envelope


def test_users_past_the_first_page_are_reached(tavern: Tavern) -> None:
    uids = [f"user{number:03}" for number in range(401)]
    list_users(*uids)
    keep(uids[-1])
    assert [row["user"] for row in answered("rotate-keys")] == [uids[-1]]


def test_where_nothing_is_kept_nothing_is_wrapped(either_tavern: Tavern) -> None:
    assert answered("rotate-keys") == []
