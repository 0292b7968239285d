"""Who is locked out makes nothing that outlives it, at whatever moment that happens."""

from collections.abc import Callable
from itertools import count, product

import pytest

from chalicelib import container
from chalicelib.errors import NotSignedIn
from chalicelib.security import passwords
from chalicelib.services.accounts import rows
from chalicelib.services.accounts.attempts import Attempts, Client, Origin
from chalicelib.services.accounts.credentials import Credentials
from chalicelib.services.accounts.service_keys import ServiceKeys
from chalicelib.services.accounts.sessions import Sessions
from chalicelib.services.accounts.sign_in import Rules, SignIn
from chalicelib.services.accounts.users import Users
from chalicelib.services.callers import Caller
from tests.api.people import PASSWORD, bearer, register, sign_in
from tests.api.product import Tavern
from tests.api.test_admin import rows as answered
from tests.unit.accounts.interrupted import Interrupted

CREDENTIAL = {"serviceName": "mail", "credential": "sesame-of-the-mail"}
_numbers = count()


def a_person(tavern: Tavern, *, shows: str) -> tuple[str, Caller]:
    """A new user's name, and the caller of a request with his session or his key."""
    name = f"eve{next(_numbers)}"
    token = register(tavern, name)
    if shows == "key":
        target = "/api/users/me/service-keys"
        token = tavern.ask("POST", target, json={}, headers=bearer(token)).json()["secret"]
    return name, container.callers().resolve({"authorization": f"Bearer {token}"})


def left_of(uid: str) -> list[str]:
    """What there is that acts in a user's name."""
    with container.database().read() as sqlite:
        found = sqlite.execute(
            "SELECT partition, key FROM account_entries WHERE partition LIKE 'token#%'"
            " AND value LIKE ? OR partition = ? AND key NOT IN ('profile')",
            (f"%{uid}%", rows.of_user(uid)),
        ).fetchall()
    return [f"{partition} {key}" for partition, key in found]


def making(kind: str, index: Interrupted) -> Callable[[Caller], object]:
    """What makes a key or a credential, over an index whose writes can be overtaken."""
    users = Users(index, container.clock())
    if kind == "key":
        keys = ServiceKeys(index, users, container.tokens(), container.clock())
        return lambda caller: keys.create(caller, {})
    credentials = Credentials(index, users, container.vault(), container.clock())
    return lambda caller: credentials.create(caller, CREDENTIAL)


def disable(name: str) -> None:
    answered("disable", username=name)


def disable_and_enable(name: str) -> None:
    answered("disable", username=name)
    answered("enable", username=name)


def erase(name: str) -> None:
    answered("erase", username=name, confirm=name)


@pytest.mark.parametrize("act", [disable, disable_and_enable, erase])
def test_a_key_or_credential_that_is_made_meanwhile_is_not_there(
    many: Tavern, act: Callable[[str], None]
) -> None:
    for shows, kind, moment in product(("session", "key"), ("key", "credential"), (0, 1)):
        name, caller = a_person(many, shows=shows)
        index = Interrupted(container.accounts())
        make = making(kind, index)
        if moment == 0:  # the caller is known, and nothing was read yet
            act(name)
        else:
            index.before_write = lambda name=name: act(name)
        with pytest.raises(NotSignedIn):
            make(caller)
        assert left_of(caller.uid) == [], (shows, kind, moment)


def test_what_was_made_just_before_goes_too(many: Tavern) -> None:
    for act in (disable, disable_and_enable, erase):
        name, caller = a_person(many, shows="session")
        making("key", Interrupted(container.accounts()))(caller)
        assert any("key#" in row for row in left_of(caller.uid))
        act(name)
        assert left_of(caller.uid) == []


def another_password(name: str) -> None:
    """The owner changes it, as soon as he fears that somebody knows it."""
    found = container.users().by_name(name)
    assert found is not None
    new_hash = passwords.hash_password("another good password")
    container.sessions().set_password(found.user.uid, found.user.password_hash, new_hash, None)


@pytest.mark.parametrize("act", [disable, erase, another_password])
def test_a_sign_in_that_has_begun_before_opens_no_session_after(
    many: Tavern, act: Callable[[str], None]
) -> None:
    """The password was right when it was looked at."""
    name, caller = a_person(many, shows="session")
    index = Interrupted(container.accounts())
    users = Users(index, container.clock())
    sign_ins = SignIn(
        rules=Rules("accounts", None, "open", first_needs_code=False),
        users=users,
        sessions=Sessions(index, users, container.tokens(), container.clock()),
        invites=container.invites(),
        attempts=Attempts(container.accounts(), container.clock()),
    )
    index.before_write = lambda: act(name)
    with pytest.raises(NotSignedIn):
        sign_ins.login(sign_in(name, PASSWORD), Client(Origin("192.0.2.1"), None))
    assert not [row for row in left_of(caller.uid) if "session" in row or "token#" in row]
