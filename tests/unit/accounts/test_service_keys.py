"""Keys that are made and removed at the same time."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.index import EmbeddedIndex
from chalicelib.errors import NotSignedIn
from chalicelib.services.accounts.service_keys import ServiceKeys
from chalicelib.services.accounts.tokens import Tokens
from chalicelib.services.accounts.users import DEFAULT_USER, Users
from chalicelib.services.callers import OPEN, Caller
from tests.clock import ManualClock
from tests.unit.accounts.interrupted import Interrupted


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of the one user."""

    index: Interrupted
    tokens: Tokens
    keys: ServiceKeys

    def new(self, caller: Caller = OPEN) -> dict[str, Any]:
        return self.keys.create(caller, {"scopes": ["read", "write"]})

    def caller(self, key: dict[str, Any]) -> Caller:
        """Who shows this key."""
        row = self.tokens.resolve(key["secret"])
        return Caller(row.uid, row.username, row.is_admin, row.scopes, "key", row.id)

    def ids(self) -> list[str]:
        return [key["id"] for key in self.keys.list(DEFAULT_USER)]


@pytest.fixture
def ring() -> Iterator[Keyring]:
    clock = ManualClock()
    with closing(Database(None)) as database:
        index = Interrupted(EmbeddedIndex(database, clock, "account_entries"))
        tokens = Tokens(index, clock)
        yield Keyring(index, tokens, ServiceKeys(index, Users(index, clock), tokens, clock))


def test_a_key_made_while_its_maker_is_removed_ends_too(ring: Keyring) -> None:
    maker = ring.new()
    caller = ring.caller(maker)
    ring.index.before_write = lambda: ring.new(caller)
    ring.keys.remove(OPEN, maker["id"])
    assert ring.ids() == []


def test_what_is_kept_of_a_key_has_its_beginning_and_no_more(ring: Keyring) -> None:
    key = ring.new()
    (listed,) = ring.keys.list(DEFAULT_USER)
    assert listed["prefix"] == key["prefix"] == key["secret"][: len("ctsk_") + 6]
    kept = [row.value for row in ring.index.query(f"user#{DEFAULT_USER}").entries]
    kept.append(dict(ring.tokens.resolve(key["secret"]).stored))
    assert len(kept) >= 2
    assert key["secret"][-10:] not in str(kept)


def test_a_key_that_was_just_removed_makes_none(ring: Keyring) -> None:
    maker = ring.new()
    caller = ring.caller(maker)
    ring.index.before_write = lambda: ring.keys.remove(OPEN, maker["id"])
    with pytest.raises(NotSignedIn, match="ended"):
        ring.new(caller)
    assert ring.ids() == []


def test_a_key_that_was_used_meanwhile_makes_one(ring: Keyring) -> None:
    maker = ring.new()
    caller = ring.caller(maker)
    ring.index.before_write = lambda: ring.tokens.touch(ring.tokens.resolve(maker["secret"]))
    made = ring.new(caller)
    ring.new(caller)
    assert made["id"] in ring.ids()


def test_a_key_removed_by_two_at_once_is_gone(ring: Keyring) -> None:
    key, other = ring.new(), ring.new()
    ring.index.before_write = lambda: ring.keys.remove(OPEN, key["id"])
    ring.keys.remove(OPEN, key["id"])
    assert ring.ids() == [other["id"]]


def test_a_key_is_refused_once_its_time_is_up() -> None:
    clock = ManualClock()
    with closing(Database(None)) as database:
        index = EmbeddedIndex(database, clock, "account_entries")
        tokens = Tokens(index, clock)
        keys = ServiceKeys(index, Users(index, clock), tokens, clock)
        keys.create(OPEN, {"expiresAt": "2027-01-15T08:00:01Z"})
        assert len(keys.list(DEFAULT_USER)) == 1
        clock.advance(1)
        assert keys.list(DEFAULT_USER) == []
