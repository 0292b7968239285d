"""How many keys and credentials there may be, however many are made at the same time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from chalicelib.adapters.embedded.vault import EmbeddedVault
from chalicelib.errors import Conflict, NotSignedIn, TavernError
from chalicelib.ports import Index
from chalicelib.services.accounts.credentials import MAX_CREDENTIALS, Credentials, Rewrapped
from chalicelib.services.accounts.service_keys import MAX_KEYS, ServiceKeys
from chalicelib.services.accounts.users import DEFAULT_USER, Users
from chalicelib.services.callers import OPEN, Caller
from tests.contracts.race import race
from tests.unit.accounts.desk import Desk
from tests.unit.accounts.interrupted import Interrupted

AT_ONCE = 10
LEFT = 4


def keys_of(desk: Desk, index: Index) -> ServiceKeys:
    return ServiceKeys(index, Users(index, desk.clock), desk.tokens, desk.clock)


def credentials_of(desk: Desk, index: Index, folder: Path) -> Credentials:
    users, vault = Users(index, desk.clock), EmbeddedVault(folder)
    return Credentials(index, users, vault, desk.clock)


def fill(create: Callable[[], object], most: int) -> list[object | TavernError]:
    """Make some one after the other, then more at once than there is room for."""
    for _ in range(most - LEFT):
        create()
    return race(AT_ONCE, lambda _: create())


def refusals(outcomes: list[object | TavernError]) -> list[object]:
    """The details of those that were refused."""
    return [each.details for each in outcomes if isinstance(each, Conflict)]


def test_of_keys_that_are_made_at_once_as_many_are_made_as_there_is_room_for(desk: Desk) -> None:
    keys = keys_of(desk, desk.accounts)
    outcomes = fill(lambda: keys.create(OPEN, {}), MAX_KEYS)
    assert len(keys.list(DEFAULT_USER)) == MAX_KEYS
    refused = {"serviceKeys": [f"at most {MAX_KEYS} at a time"]}
    assert refusals(outcomes) == [refused] * (AT_ONCE - LEFT)


def test_of_credentials_that_are_made_at_once_as_many_are_made_as_there_is_room_for(
    desk: Desk, tmp_path: Path
) -> None:
    credentials = credentials_of(desk, desk.accounts, tmp_path / "keys")
    draft = {"serviceName": "mail", "credential": "sesame"}
    outcomes = fill(lambda: credentials.create(OPEN, draft), MAX_CREDENTIALS)
    assert len(credentials.list(DEFAULT_USER)) == MAX_CREDENTIALS
    refused = {"credentials": [f"at most {MAX_CREDENTIALS} at a time"]}
    assert refusals(outcomes) == [refused] * (AT_ONCE - LEFT)


def test_of_two_keys_that_want_the_last_room_the_second_is_refused(desk: Desk) -> None:
    index = Interrupted(desk.accounts)
    keys = keys_of(desk, index)
    for _ in range(MAX_KEYS - 1):
        keys.create(OPEN, {})
    index.before_write = lambda: keys.create(OPEN, {"name": "first"})
    with pytest.raises(Conflict, match="remove one first"):
        keys.create(OPEN, {"name": "second"})
    assert len(keys.list(DEFAULT_USER)) == MAX_KEYS


def test_who_is_being_disabled_makes_nothing_while_his_session_is_still_there(desk: Desk) -> None:
    user = desk.register("ada")
    (session,) = desk.users.holdings(user.uid).sessions
    caller = Caller(user.uid, "ada", is_admin=False, kind="session", identity=session["id"])
    keys = keys_of(desk, desk.accounts)
    keys.create(caller, {})
    desk.accounts.write(desk.users.get(user.uid).changed(disabled=True))
    with pytest.raises(NotSignedIn):
        keys.create(caller, {})
    assert len(keys.list(user.uid)) == 1


def test_a_key_that_is_overtaken_by_a_sign_in_or_a_credential_is_made(
    desk: Desk, tmp_path: Path
) -> None:
    index = Interrupted(desk.accounts)
    keys = keys_of(desk, index)
    credentials = credentials_of(desk, desk.accounts, tmp_path / "keys")
    draft = {"serviceName": "mail", "credential": "sesame"}
    for happening in (
        lambda: desk.sign_in(desk.users.get(DEFAULT_USER)),
        lambda: credentials.create(OPEN, draft),
    ):
        index.before_write = happening
        keys.create(OPEN, {})
    holdings = desk.users.holdings(DEFAULT_USER)
    counts = [len(holdings.keys), len(holdings.sessions), len(holdings.credentials)]
    assert counts == [2, 1, 1]


def test_who_is_overtaken_every_time_is_told_so(desk: Desk) -> None:
    index = Interrupted(desk.accounts)
    keys = keys_of(desk, index)

    def sign_in_again() -> None:
        desk.sign_in(desk.users.get(DEFAULT_USER))
        index.before_write = sign_in_again

    index.before_write = sign_in_again
    with pytest.raises(Conflict, match="at once"):
        keys.create(OPEN, {})
    assert keys.list(DEFAULT_USER) == []


def test_a_credential_that_is_removed_while_it_is_wrapped_anew_stays_removed(
    desk: Desk, tmp_path: Path
) -> None:
    index = Interrupted(desk.accounts)
    credentials = credentials_of(desk, index, tmp_path / "keys")
    made = credentials.create(OPEN, {"serviceName": "mail", "credential": "sesame"})
    index.before_write = lambda: credentials.remove(DEFAULT_USER, made["id"])
    assert credentials.rewrap_all(DEFAULT_USER) == Rewrapped(0, 0)
    assert credentials.list(DEFAULT_USER) == []
