"""Guessing passwords: how often, and from where."""

from collections.abc import Sequence
from contextlib import suppress

import pytest

from chalicelib import container
from chalicelib.errors import TooManyRequests
from chalicelib.services.accounts import attempts
from chalicelib.services.accounts.attempts import Attempts, Counter, Origin
from tests.api.hostile import assert_error
from tests.api.people import (
    PASSWORD,
    account,
    bearer,
    login,
    register,
    sign_in,
)
from tests.api.product import Ask, Tavern


def test_ten_wrong_guesses_are_enough(either_many: Tavern) -> None:
    tavern = either_many
    register(tavern, "ada")
    for _ in range(10):
        assert login(tavern, "ada", "wrong password").status == 401
    refused = login(tavern, "ADA")
    assert refused.status == 429
    assert 0 < int(refused.headers["retry-after"]) <= 15 * 60
    assert_error(refused.json())
    assert login(tavern, "root").status == 200


def test_guesses_at_a_name_that_is_nobodys_end_as_well(many: Tavern) -> None:
    found = [login(many, "nobody", "wrong password").status for _ in range(11)]
    assert found == [401] * 10 + [429]


def test_many_guesses_at_once_are_no_more_than_ten(either_many: Tavern) -> None:
    asks = [Ask("POST", "/api/auth/login", sign_in("root", f"guess {n}")) for n in range(20)]
    answers = either_many.ask_at_once(*asks)
    assert {answer.status for answer in answers} <= {401, 429}
    assert sum(answer.status == 401 for answer in answers) <= 10


def test_the_right_password_clears_the_count(many: Tavern) -> None:
    for _ in range(3):
        for _ in range(9):
            assert login(many, "root", "wrong password").status == 401
        assert login(many, "root").status == 200


def test_names_are_no_way_round_the_limit_of_an_access_password(
    locked: None, tavern: Tavern
) -> None:
    found = [login(tavern, f"user{number}", "wrong").status for number in range(11)]
    assert found == [401] * 10 + [429]


def test_in_the_cloud_viewers_are_counted_apart_and_forgers_together(
    locked: None, aws_tavern: Tavern
) -> None:
    def told(hops: str) -> int:
        return login(aws_tavern, None, "wrong", **{"X-Forwarded-For": hops}).status

    assert [told("192.0.2.1, 127.0.0.1") for _ in range(11)] == [401] * 10 + [429]
    assert told("192.0.2.1") == 429
    assert told("forged, 192.0.2.1, 127.0.0.1") == 429
    assert told("192.0.2.1, 192.0.2.2, 127.0.0.1") == 401
    assert told("") == 401


def test_on_one_machine_nobody_gives_himself_another_address(locked: None, tavern: Tavern) -> None:
    found = [
        login(tavern, None, "wrong", **{"X-Forwarded-For": f"192.0.2.{number}, 127.0.0.1"}).status
        for number in range(11)
    ]
    assert found == [401] * 10 + [429]


HOME = Origin("127.0.0.1")


def used_up(counters: Sequence[Counter]) -> None:
    """As many attempts as the first of these counters allows, with those that were made."""
    counts = Attempts(container.accounts(), container.clock())
    with suppress(TooManyRequests):
        for _ in range(counters[0].limit):
            counts.begin(counters)


def test_guesses_at_a_current_password_count_for_their_address(many: Tavern) -> None:
    headers = bearer(login(many, "root").json()["token"])
    used_up(attempts.of_origin(HOME))
    change = {"currentPassword": PASSWORD, "newPassword": "another good password"}
    assert many.ask("PUT", "/api/auth/password", json=change, headers=headers).status == 429
    assert login(many, "root").status == 429


@pytest.mark.parametrize(
    "counters",
    [attempts.of_registrations(HOME)[:1], attempts.of_origin(HOME)],
    ids=["registrations", "guesses"],
)
def test_from_one_address_no_more_accounts_are_asked_for(
    many: Tavern, counters: Sequence[Counter]
) -> None:
    used_up(counters)
    refused = many.ask("POST", "/api/auth/register", json=account("ada"))
    assert refused.status == 429
    assert container.users().by_name("ada") is None
