"""People who sign in."""

from typing import Any

from chalicelib import container
from chalicelib.ports import Entry, Put
from chalicelib.services.accounts import rows
from chalicelib.services.callers import Caller
from tests.api.product import Answer, Ask, Tavern

PASSWORD = "correct horse battery"
ACCESS_PASSWORD = "open sesame"
PUBLIC = "tavern.example"


def account(name: str, password: str = PASSWORD, **more: object) -> dict[str, Any]:
    """The body of a registration."""
    return {"username": name, "password": password, **more}


def register(tavern: Tavern, name: str, password: str = PASSWORD, **more: object) -> str:
    """Make an account; the token of its first session."""
    answer = tavern.ask("POST", "/api/auth/register", json=account(name, password, **more))
    assert answer.status == 201, answer.body
    return str(answer.json()["token"])


def login(tavern: Tavern, name: str | None, password: str = PASSWORD, **headers: str) -> Answer:
    """Ask for a session."""
    return tavern.ask("POST", "/api/auth/login", json=sign_in(name, password), headers=headers)


def a_user(uid: str) -> Caller:
    """Somebody who is there and never signed in."""
    profile = {"uid": uid, "username": uid, "isAdmin": False}
    container.accounts().write(Put(Entry(rows.of_user(uid), rows.PROFILE, profile)))
    return Caller(uid, uid, is_admin=False)


def sign_in(name: str | None, password: str = PASSWORD) -> dict[str, str]:
    """The body of a login."""
    return {"password": password} if name is None else {"username": name, "password": password}


def bearer(token: str) -> dict[str, str]:
    """The headers of a program that has a token."""
    return {"Authorization": f"Bearer {token}"}


def cookie(answer: Answer) -> dict[str, str]:
    """The headers of a browser that got this answer and asks from our own page."""
    return {
        "Cookie": answer.headers["set-cookie"].partition(";")[0],
        "Sec-Fetch-Site": "same-origin",
    }


def registrations(count: int, name: str) -> list[Ask]:
    """So many requests for one name."""
    return [Ask("POST", "/api/auth/register", account(name)) for _ in range(count)]
