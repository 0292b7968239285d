"""Limits on how often somebody may guess.

An attempt is counted before it is looked at, so that many at once gain nothing;
one that succeeds takes its counts back. A count starts over when its window ends.
"""

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Address

from chalicelib.errors import ConditionFailed, TooManyRequests
from chalicelib.ports import Change, Clock, Entry, Index, Put, Remove
from chalicelib.services.accounts import rows

WINDOW_SECONDS = 15 * 60
PER_ACCOUNT_AND_ADDRESS = 10
PER_ACCOUNT = 100
PER_ADDRESS = 100
PER_GATEWAY = 1000
REGISTRATIONS_PER_ADDRESS = 60
_TRIES = 10


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request comes from. ``gateway`` is the peer that handed it over, if another.

    A stranger may be able to forge ``address``, but never ``gateway``.
    """

    address: str
    gateway: str | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """What a request tells of the program that sent it."""

    origin: Origin
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class Counter:
    """One thing that is counted, and how high it may get in a window."""

    name: str
    limit: int

    @property
    def partition(self) -> str:
        """Where its row is. A digest: the name may be anything that a client sent."""
        return f"attempts#{hashlib.sha256(self.name.encode(errors='replace')).hexdigest()}"


class Attempts:
    """Counts attempts, in a row a counter that vanishes after its window."""

    def __init__(self, accounts: Index, clock: Clock) -> None:
        self._accounts = accounts
        self._clock = clock

    def begin(self, counters: Sequence[Counter]) -> None:
        """Count one more attempt; ``TooManyRequests`` if any count is at its limit.

        One read a counter, and one write.
        """
        for _ in range(_TRIES):
            changes = [self._counted(counter) for counter in counters]
            try:
                self._accounts.write(*changes)
            except ConditionFailed:  # another attempt at the same time
                continue
            return
        raise TooManyRequests("Too many attempts at once; try again soon", retry_after=1)

    def forgive(self, *, wholly: Sequence[Counter], this_one: Sequence[Counter]) -> None:
        """An attempt has succeeded: drop some counts, and take it alone back from others."""
        for _ in range(_TRIES):
            changes: list[Change] = [Remove(each.partition, rows.ATTEMPTS) for each in wholly]
            for counter in this_one:
                changes += self._uncounted(counter)
            with suppress(ConditionFailed):
                self._accounts.write(*changes)
                return

    def _counted(self, counter: Counter) -> Put:
        now = int(self._clock.now())
        found = self._accounts.get(counter.partition, rows.ATTEMPTS)
        if found is None:
            value = {"count": 1, "since": now}
            expiry = now + WINDOW_SECONDS
            entry = Entry(counter.partition, rows.ATTEMPTS, value, expiry)
            return Put(entry, if_absent=True)
        ends = int(found.value["since"]) + WINDOW_SECONDS
        if found.value["count"] >= counter.limit:
            raise TooManyRequests(
                f"Too many attempts: more than {counter.limit} in {WINDOW_SECONDS // 60} minutes",
                retry_after=max(1, ends - now),
            )
        value = {**found.value, "count": found.value["count"] + 1}
        entry = Entry(counter.partition, rows.ATTEMPTS, value, ends)
        return Put(entry, replacing=found.value)

    def _uncounted(self, counter: Counter) -> list[Change]:
        found = self._accounts.get(counter.partition, rows.ATTEMPTS)
        if found is None:
            return []
        value = {**found.value, "count": found.value["count"] - 1}
        entry = Entry(counter.partition, rows.ATTEMPTS, value, found.expires_at)
        return [Put(entry, replacing=found.value)]


def of_account(name: str, origin: Origin) -> list[Counter]:
    """What the owner's success clears: who has the password knows all it would tell."""
    return [
        Counter(f"account and address {network(origin.address)} {name}", PER_ACCOUNT_AND_ADDRESS),
        Counter(f"account {name}", PER_ACCOUNT),
    ]


def of_origin(origin: Origin) -> list[Counter]:
    """What a success does not clear, or an account of one's own would allow to guess on."""
    counters = [Counter(f"address {network(origin.address)}", PER_ADDRESS)]
    if origin.gateway is not None and origin.gateway != origin.address:
        counters.append(Counter(f"gateway {origin.gateway}", PER_GATEWAY))
    return counters


def of_registrations(origin: Origin) -> list[Counter]:
    """Accounts that are asked for, whether or not they are made."""
    return [
        Counter(f"register {network(origin.address)}", REGISTRATIONS_PER_ADDRESS),
        *of_origin(origin),
    ]


def network(address: str) -> str:
    """What one customer of a provider has: an address of IPv4, 2^64 addresses of IPv6.

    >>> network("192.0.2.1"), network("2001:db8:1:2:3:4:5:6")
    ('192.0.2.1', '2001:db8:1:2::')
    """
    try:
        found = IPv6Address(address)
    except ValueError:  # IPv4, or what somebody has made up
        return address
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(IPv6Address(int(found) >> 64 << 64))
