"""How long sessions last, how many there are, and what their tokens tell."""

import pytest

from chalicelib.errors import ConditionFailed, Conflict, NotSignedIn
from chalicelib.moments import timestamp
from chalicelib.ports import Entry, Put
from chalicelib.security import tokens as formats
from chalicelib.services.accounts import rows
from chalicelib.services.accounts.sessions import LIFETIME_SECONDS, MAX_SESSIONS
from chalicelib.services.accounts.tokens import IDLE_SECONDS
from tests.unit.accounts.desk import HASH, Desk

DAY = 24 * 3600


def use(desk: Desk, token: str) -> None:
    desk.tokens.touch(desk.tokens.resolve(token))


def is_good(desk: Desk, token: str) -> bool:
    try:
        desk.tokens.resolve(token)
    except NotSignedIn:
        return False
    return True


def test_a_session_that_is_not_used_ends_after_a_month(desk: Desk) -> None:
    token = desk.sign_in(desk.register("ada")).token
    desk.clock.advance(IDLE_SECONDS - 1)
    assert is_good(desk, token)
    desk.clock.advance(1)
    assert not is_good(desk, token)


def test_a_session_that_is_used_goes_on_until_its_end(desk: Desk) -> None:
    token = desk.sign_in(desk.register("ada")).token
    for _ in range(LIFETIME_SECONDS // (10 * DAY) - 1):
        desk.clock.advance(10 * DAY)
        use(desk, token)
    desk.clock.advance(10 * DAY - 1)
    assert is_good(desk, token)
    use(desk, token)
    desk.clock.advance(1)
    assert not is_good(desk, token)


def test_a_token_that_is_bound_to_a_password_is_good_with_that_alone(desk: Desk) -> None:
    """Not with another, nor with none: the server may have been started without one."""
    user = desk.register("ada")
    issued = desk.tokens.issue(formats.SESSION, user, "session", "id", (), None, bound_to="secret")
    desk.accounts.write(issued.put)
    assert desk.tokens.resolve(issued.text, bound_to="secret").uid == user.uid
    for other in ("secret ", "", None):
        with pytest.raises(NotSignedIn):
            desk.tokens.resolve(issued.text, bound_to=other)


def test_what_is_listed_moves_with_the_use(desk: Desk) -> None:
    user = desk.register("ada")
    opened = desk.sign_in(user)
    desk.clock.advance(DAY)
    use(desk, opened.token)
    (used, other) = desk.sessions.list(user.uid, None)
    assert used["lastUsedAt"] == timestamp(desk.clock.now())
    assert used["expiresAt"] == timestamp(desk.clock.now() + IDLE_SECONDS)
    assert used["expiresAt"] > opened.expires_at == other["expiresAt"]


def test_sessions_that_have_lapsed_are_not_listed(desk: Desk) -> None:
    user = desk.register("ada")
    desk.clock.advance(DAY)
    opened = desk.sign_in(user)
    desk.clock.advance(IDLE_SECONDS - 1)
    (left,) = desk.sessions.list(user.uid, None)
    assert left["expiresAt"] == opened.expires_at


def test_a_session_is_written_once_in_five_minutes(desk: Desk) -> None:
    user = desk.register("ada")
    token = desk.sign_in(user).token
    written = []
    for _ in range(20):
        use(desk, token)
        written.append(desk.tokens.resolve(token).last_used_at)
        desk.clock.advance(60)
    assert len({*written}) == 4


def test_a_use_does_not_bring_back_what_was_ended(desk: Desk) -> None:
    user = desk.register("ada")
    token = desk.sign_in(user).token
    row = desk.tokens.resolve(token)
    desk.sessions.end(user.uid, row.id)
    desk.clock.advance(DAY)
    desk.tokens.touch(row)
    assert not is_good(desk, token)
    assert desk.accounts.get(rows.of_user(user.uid), rows.used(row.id)) is None


def test_of_what_a_browser_calls_itself_the_beginning_is_kept(desk: Desk) -> None:
    user = desk.register("ada")
    desk.sessions.open(desk.users.holdings(user.uid), "browser" + "x" * 10_000)
    (called,) = [
        each["userAgent"]
        for each in desk.sessions.list(user.uid, None)
        if each.get("userAgent", "").startswith("browser")
    ]
    assert len(called) == 200


def test_who_has_too_many_sessions_loses_the_one_not_used_for_longest(desk: Desk) -> None:
    user = desk.register("ada")
    opened = []
    for _ in range(MAX_SESSIONS + 1):
        desk.clock.advance(600)
        opened.append(desk.sign_in(user).token)
        if is_good(desk, opened[0]):
            use(desk, opened[0])
    assert len(desk.sessions.list(user.uid, None)) == MAX_SESSIONS
    assert [is_good(desk, token) for token in opened[:3]] == [True, False, True]


def test_a_sign_in_that_is_overtaken_by_another_password_opens_nothing(desk: Desk) -> None:
    user = desk.register("ada")
    mine = desk.tokens.resolve(desk.sign_in(user).token)
    before = desk.users.holdings(user.uid)
    desk.sessions.set_password(user.uid, HASH, "new", keep=mine.id)
    with pytest.raises(ConditionFailed):
        desk.sessions.open(before, None)
    assert len(desk.sessions.list(user.uid, None)) == 1


def test_a_password_that_was_changed_by_another_is_not_changed_again(desk: Desk) -> None:
    user = desk.register("ada")
    with pytest.raises(Conflict):
        desk.sessions.set_password(user.uid, "old", "new", keep="none")
    assert desk.users.get(user.uid).password_hash == HASH


def test_a_token_with_another_secret_is_nobodys(desk: Desk) -> None:
    token = desk.sign_in(desk.register("ada")).token
    row = desk.tokens.resolve(token)
    other = formats.mint(formats.SESSION)
    entry = Entry(rows.of_token(other.lookup), rows.TOKEN, row.stored)
    desk.accounts.write(Put(entry))
    assert not is_good(desk, other.text)


def test_a_bound_token_is_good_with_its_password_only(desk: Desk) -> None:
    user = desk.users.get("default_user")
    opened = desk.sessions.open(desk.users.holdings(user.uid), None, bound_to="sesame")
    assert desk.tokens.resolve(opened.token, bound_to="sesame").uid == "default_user"
    for other in ("Sesame", "", None):
        with pytest.raises(NotSignedIn):
            desk.tokens.resolve(opened.token, bound_to=other)


def test_an_administrators_session_may_do_more(desk: Desk) -> None:
    scopes = [
        desk.tokens.resolve(desk.sign_in(desk.register(name, is_admin=is_admin)).token).scopes
        for name, is_admin in (("root", True), ("ada", False))
    ]
    assert scopes == [{"read", "write", "run", "admin"}, {"read", "write", "run"}]


def test_an_invitation_lapses_after_a_week(desk: Desk) -> None:
    code = desk.invites.create(admin=False)
    desk.clock.advance(7 * DAY - 1)
    assert desk.invites.find(code) is not None
    desk.clock.advance(1)
    assert desk.invites.find(code) is None
