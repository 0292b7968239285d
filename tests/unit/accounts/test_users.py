"""Names: which are the same, and who has one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import Conflict, NotFound
from chalicelib.schemas.usernames import MAX_USERNAME_LENGTH, cleaned, folded
from chalicelib.services.accounts.users import DEFAULT_USER
from tests.contracts.race import race, winners
from tests.unit.accounts.desk import Desk


def owner(desk: Desk, name: str) -> str | None:
    found = desk.users.by_name(name)
    return None if found is None else found.user.uid


def test_a_user_who_is_renamed_is_found_by_the_new_name_alone(desk: Desk) -> None:
    ada = desk.register("Ada")
    renamed = desk.users.rename(ada.uid, "Countess")
    assert (renamed.username, desk.users.get(ada.uid).username) == ("Countess", "Countess")
    assert owner(desk, "countess") == ada.uid
    assert owner(desk, "ada") is None
    desk.register("ada")


def test_a_name_may_change_its_case(desk: Desk) -> None:
    ada = desk.register("ada")
    assert desk.users.rename(ada.uid, "ADA").username == "ADA"
    assert owner(desk, "Ada") == ada.uid


def test_a_name_that_is_taken_changes_nothing(desk: Desk) -> None:
    ada, eve = desk.register("ada"), desk.register("eve")
    with pytest.raises(Conflict, match="taken"):
        desk.users.rename(eve.uid, "ADA")
    assert (owner(desk, "ada"), owner(desk, "eve")) == (ada.uid, eve.uid)
    assert desk.users.get(eve.uid).username == "eve"


def test_of_many_who_want_one_name_at_once_one_gets_it(desk: Desk) -> None:
    uids = [desk.register(f"user{number}").uid for number in range(8)]
    (winner,) = winners(race(8, lambda number: desk.users.rename(uids[number], "Ada")))
    assert owner(desk, "ada") == uids[winner]
    assert [owner(desk, f"user{number}") is None for number in range(8)].count(True) == 1


def test_renames_of_one_user_at_once_leave_one_name(desk: Desk) -> None:
    ada = desk.register("ada")
    race(4, lambda number: desk.users.rename(ada.uid, f"name{number}"))
    name = desk.users.get(ada.uid).username
    held = [f"name{number}" for number in range(4) if owner(desk, f"name{number}")]
    assert held == [name]
    assert owner(desk, "ada") is None


def test_the_one_user_of_an_open_server_is_there_and_has_any_name(desk: Desk) -> None:
    desk.register("ada")
    assert desk.users.get(DEFAULT_USER).username == "User"
    assert desk.users.rename(DEFAULT_USER, "Ada").username == "Ada"
    assert desk.users.rename(DEFAULT_USER, "Eve").username == "Eve"
    assert desk.users.get(DEFAULT_USER).username == "Eve"
    assert desk.users.get(DEFAULT_USER).is_admin


def test_nobody_is_not_found(desk: Desk) -> None:
    with pytest.raises(NotFound):
        desk.users.get("unknown")
    with pytest.raises(NotFound):
        desk.users.rename("unknown", "Ada")


@given(st.text(max_size=80))
def test_a_name_is_cleaned_once_and_for_all(text: str) -> None:
    try:
        name = cleaned(text)
    except ValueError:
        return
    assert cleaned(name) == name
    assert 1 <= len(name) <= MAX_USERNAME_LENGTH
    assert folded(name)


@given(st.text(max_size=40))
def test_a_folded_name_stays_as_it_is(text: str) -> None:
    assert folded(folded(text)) == folded(text)
