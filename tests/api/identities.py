"""Everybody who may ask in each mode: nobody, who shows something bad, programs, people."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import pytest

from chalicelib import container
from chalicelib.ports import Put
from chalicelib.security import tokens
from chalicelib.services.accounts import rows
from chalicelib.services.accounts.request_rate import REQUESTS
from chalicelib.services.callers import Caller
from tests.api.people import bearer, cookie, login, register
from tests.api.product import Answer, Tavern

Mode = Literal["open", "password", "accounts"]
ACCESS_PASSWORD = "open sesame"
FOREIGN = "http://evil.example"
KEYS = "/api/users/me/service-keys"
SCOPES = ("read", "write", "run", "admin")
_ALL = frozenset(SCOPES)


@dataclass(frozen=True, slots=True)
class Identity:
    """What a client shows, and what it may do with that; ``scopes`` of nobody are None.

    ``foreign``: a page of a foreign origin asks, and the browser adds its reader's cookie.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    scopes: frozenset[str] | None = None
    is_admin: bool = False
    is_key: bool = False
    foreign: bool = False


NOBODY = Identity()


def set_mode(mode: Mode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the product, which is not made yet, start in this mode."""
    if mode == "password":
        monkeypatch.setenv("TAVERN_ACCESS_PASSWORD", ACCESS_PASSWORD)
    if mode == "accounts":
        monkeypatch.setenv("TAVERN_MODE", "MultiUser")
        monkeypatch.setenv("TAVERN_REGISTRATION", "open")


def identities(tavern: Tavern, mode: Mode) -> dict[str, Identity]:
    """Everybody, by what he is."""
    if mode == "open":
        everybody = Identity(scopes=_ALL, is_admin=True)
        return {
            "everybody": everybody,
            "a foreign page": replace(everybody, headers={"Origin": FOREIGN}, foreign=True),
            **_bad_keys(tavern, {}),
            **_keys(tavern, "", everybody),
        }
    if mode == "password":
        return {
            "nobody": NOBODY,
            **_bad_keys(tavern, _session(tavern, None)),
            **_bad_sessions(tavern, None),
            **_person(tavern, "the owner's", None, is_admin=True),
        }
    register(tavern, "root", inviteCode=container.invites().create(admin=True))
    register(tavern, "ada")
    hurry("root", "ada")
    return {
        "nobody": NOBODY,
        **_bad_keys(tavern, _session(tavern, "ada")),
        **_bad_sessions(tavern, "ada"),
        **_person(tavern, "the administrator's", "root", is_admin=True),
        **_person(tavern, "a user's", "ada", is_admin=False),
        # Who was an administrator when it was made.
        "a user's key for admin": Identity(_demoted(), frozenset({"admin"}), is_key=True),
    }


def hurry(*names: str) -> None:
    """Let users ask as often as a test likes."""
    for name in names:
        container.quotas().set(uid_of(name), {REQUESTS: 10**9})


def uid_of(name: str) -> str:
    """The uid of who has this name."""
    holdings = container.users().by_name(name)
    assert holdings is not None
    return holdings.user.uid


def service_key(tavern: Tavern, headers: Mapping[str, str], *scopes: str) -> str:
    """A new service key of who shows these headers."""
    answer = tavern.ask("POST", KEYS, json={"scopes": scopes}, headers=headers)
    assert answer.status == 201, answer.body
    return str(answer.json()["secret"])


def lapse(token: str) -> None:
    """Let a token's time be over."""
    parsed = tokens.parse(token)
    assert parsed is not None
    entry = container.accounts().get(rows.of_token(parsed.lookup), rows.TOKEN)
    assert entry is not None
    container.accounts().write(Put(replace(entry, expires_at=int(time.time()) - 1)))


def _person(tavern: Tavern, whose: str, name: str | None, *, is_admin: bool) -> dict[str, Identity]:
    """Somebody's sessions, one for each way to show it, and keys."""
    scopes = _ALL if is_admin else _ALL - {"admin"}
    told = cookie(_login(tavern, name))
    session = Identity(_session(tavern, name), scopes, is_admin)
    foreign = {"Cookie": cookie(_login(tavern, name))["Cookie"], "Origin": FOREIGN}
    return {
        f"{whose} session": session,
        f"{whose} session from anywhere": replace(
            session, headers={**_session(tavern, name), "Origin": FOREIGN}
        ),
        f"{whose} cookie": replace(session, headers=told),
        f"{whose} cookie on a foreign page": replace(session, headers=foreign, foreign=True),
        **_keys(tavern, f"{whose} ", session),
    }


def _keys(tavern: Tavern, whose: str, maker: Identity) -> dict[str, Identity]:
    """A key for each scope alone, and one for all that its maker may do."""
    given = [scope for scope in SCOPES if scope in (maker.scopes or ())]
    return {
        f"{whose}key for {' and '.join(scopes)}": Identity(
            bearer(service_key(tavern, maker.headers, *scopes)),
            frozenset(scopes),
            maker.is_admin,
            is_key=True,
        )
        for scopes in (*((scope,) for scope in given), given)
    }


def _bad_keys(tavern: Tavern, maker: Mapping[str, str]) -> dict[str, Identity]:
    """What is no key, what is nobody's, and what was one."""
    nobodys = tokens.mint(tokens.SERVICE_KEY).text
    expired, deleted = (service_key(tavern, maker, *SCOPES[:3]) for _ in range(2))
    lapse(expired)
    (listed,) = (
        key["id"]
        for key in tavern.ask("GET", KEYS, headers=maker).json()
        if deleted.startswith(key["prefix"])
    )
    assert tavern.ask("DELETE", f"{KEYS}/{listed}", headers=maker).status == 204
    shown = {"no token": "x", "an empty token": "", "a token of nobody's": nobodys}
    shown |= {"an expired key": expired, "a deleted key": deleted}
    return {what: Identity(bearer(token)) for what, token in shown.items()}


def _bad_sessions(tavern: Tavern, name: str | None) -> dict[str, Identity]:
    """What was a session, shown by a program and by a browser."""
    found: dict[str, Identity] = {}
    for what in ("an expired session", "a session that was ended"):
        answer = _login(tavern, name)
        token = str(answer.json()["token"])
        if what == "an expired session":
            lapse(token)
        else:
            assert tavern.ask("POST", "/api/auth/logout", headers=bearer(token)).status == 204
        found |= {what: Identity(bearer(token)), f"{what}, as a cookie": Identity(cookie(answer))}
    return found


def _demoted() -> Mapping[str, str]:
    was = Caller(uid_of("ada"), "ada", is_admin=False)
    key = container.tokens().issue(
        tokens.SERVICE_KEY, was, "key", rows.new_id(), {"admin"}, expires_at=None
    )
    container.accounts().write(key.put)
    return bearer(key.text)


def _session(tavern: Tavern, name: str | None) -> Mapping[str, str]:
    return bearer(str(_login(tavern, name).json()["token"]))


def _login(tavern: Tavern, name: str | None) -> Answer:
    answer = login(tavern, None, ACCESS_PASSWORD) if name is None else login(tavern, name)
    assert answer.status == 200, answer.body
    return answer
