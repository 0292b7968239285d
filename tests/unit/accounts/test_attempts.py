"""How often one may guess, from where, and when it starts over."""

import pytest

from chalicelib.errors import TooManyRequests
from chalicelib.services.accounts import attempts
from chalicelib.services.accounts.attempts import WINDOW_SECONDS, Attempts, Origin
from tests.contracts.race import race, winners
from tests.unit.accounts.desk import Desk
from tests.unit.accounts.interrupted import Interrupted

HOME = Origin("192.0.2.1")


def guess(desk: Desk, name: str, origin: Origin = HOME) -> None:
    desk.attempts.begin([*attempts.of_account(name, origin), *attempts.of_origin(origin)])


def guesses(desk: Desk, origins: list[Origin], name: str = "ada") -> int:
    """How many of these guesses are let through."""
    for count, origin in enumerate(origins):
        try:
            guess(desk, name, origin)
        except TooManyRequests:
            return count
    return len(origins)


def succeed(desk: Desk, name: str, origin: Origin = HOME) -> None:
    guess(desk, name, origin)
    own, others = attempts.of_account(name, origin), attempts.of_origin(origin)
    desk.attempts.forgive(wholly=own, this_one=others)


def address(number: int) -> Origin:
    return Origin(f"198.51.100.{number}")


def test_one_account_is_guessed_at_ten_times_from_an_address(desk: Desk) -> None:
    assert guesses(desk, [HOME] * 20) == attempts.PER_ACCOUNT_AND_ADDRESS
    assert guesses(desk, [address(1)]) == 1


def test_one_account_is_guessed_at_a_hundred_times_from_all_addresses(desk: Desk) -> None:
    assert guesses(desk, [address(n) for n in range(200)]) == attempts.PER_ACCOUNT
    assert guesses(desk, [address(1)], "eve") == 1


def test_from_one_address_a_hundred_guesses_are_made_at_all_accounts(desk: Desk) -> None:
    for number in range(attempts.PER_ADDRESS):
        guess(desk, f"user{number}")
    with pytest.raises(TooManyRequests):
        guess(desk, "another")
    guess(desk, "another", address(1))


def test_forged_addresses_end_at_the_peer_that_sends_them(desk: Desk) -> None:
    for number in range(attempts.PER_GATEWAY):
        desk.attempts.begin(attempts.of_origin(Origin(f"forged {number}", "203.0.113.1")))
    with pytest.raises(TooManyRequests):
        desk.attempts.begin(attempts.of_origin(Origin("forged again", "203.0.113.1")))
    desk.attempts.begin(attempts.of_origin(Origin("forged again", "203.0.113.2")))


def test_the_addresses_that_one_customer_has_are_one(desk: Desk) -> None:
    own = [Origin(f"2001:db8:0:1::{number:x}") for number in range(20)]
    assert guesses(desk, own) == attempts.PER_ACCOUNT_AND_ADDRESS
    assert guesses(desk, [Origin("2001:db8:0:2::1")]) == 1
    assert attempts.network("2001:db8:1:2:ffff:4:5:6") == "2001:db8:1:2::"
    assert attempts.network("::ffff:192.0.2.1") == "192.0.2.1"
    assert attempts.network("no address") == "no address"


def test_a_window_starts_over_when_it_ends(desk: Desk) -> None:
    assert guesses(desk, [HOME] * 5) == 5
    desk.clock.advance(WINDOW_SECONDS - 1)
    assert guesses(desk, [HOME] * 20) == 5
    with pytest.raises(TooManyRequests) as refused:
        guess(desk, "ada")
    assert refused.value.retry_after == 1
    desk.clock.advance(1)
    assert guesses(desk, [HOME] * 20) == 10


def test_a_success_clears_its_own_account_and_nothing_else(desk: Desk) -> None:
    assert guesses(desk, [HOME] * 9) == 9
    succeed(desk, "ada")
    assert guesses(desk, [HOME] * 20) == 10


def test_an_account_of_ones_own_does_not_allow_to_guess_on(desk: Desk) -> None:
    for number in range(attempts.PER_ADDRESS - 1):
        guess(desk, f"user{number}")
        succeed(desk, "eve")
    guess(desk, "last")
    with pytest.raises(TooManyRequests):
        guess(desk, "another")


def test_of_many_guesses_at_once_no_more_are_let_through(desk: Desk) -> None:
    outcomes = race(30, lambda _: guess(desk, "ada"))
    assert len(winners(outcomes)) <= 10
    assert guesses(desk, [HOME] * 20) == 10 - len(winners(outcomes))


@pytest.mark.parametrize("earlier", [0, 3])
def test_a_guess_that_another_overtakes_counts_beside_it(desk: Desk, earlier: int) -> None:
    """Also the very first of a window, which finds no row to count in."""
    assert guesses(desk, [HOME] * earlier) == earlier
    index = Interrupted(desk.accounts)
    index.before_write = lambda: guess(desk, "ada")
    counters = [*attempts.of_account("ada", HOME), *attempts.of_origin(HOME)]
    Attempts(index, desk.clock).begin(counters)
    assert guesses(desk, [HOME] * 20) == attempts.PER_ACCOUNT_AND_ADDRESS - earlier - 2


def test_a_success_takes_back_no_guess_that_is_made_meanwhile(desk: Desk) -> None:
    for number in range(attempts.PER_ADDRESS - 2):
        guess(desk, f"user{number}")
    guess(desk, "eve")
    index = Interrupted(desk.accounts)
    index.before_write = lambda: guess(desk, "last")
    own, others = attempts.of_account("eve", HOME), attempts.of_origin(HOME)
    Attempts(index, desk.clock).forgive(wholly=own, this_one=others)
    guess(desk, "one more")
    with pytest.raises(TooManyRequests):
        guess(desk, "another")


def test_rows_hold_neither_names_nor_addresses(desk: Desk) -> None:
    guess(desk, "ada")
    for counter in [*attempts.of_account("ada", HOME), *attempts.of_origin(HOME)]:
        assert "ada" not in counter.partition
        assert HOME.address not in counter.partition
