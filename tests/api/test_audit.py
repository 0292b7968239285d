"""What the audit tells, of whom, and to whom; on both families."""

import json
from typing import Any

import pytest

from chalicelib import container
from chalicelib.services.accounts import rows
from chalicelib.services.accounts.audit import RETENTION_SECONDS
from tests.api.people import PASSWORD, bearer, login, register
from tests.api.product import Tavern
from tests.api.test_user_operations import uid_of


@pytest.fixture
def many(either_tavern: Tavern, monkeypatch: pytest.MonkeyPatch) -> Tavern:
    """A server with accounts that anybody may open, and its administrator."""
    monkeypatch.setenv("TAVERN_MODE", "MultiUser")
    monkeypatch.setenv("TAVERN_REGISTRATION", "open")
    either_tavern.start_anew()
    register(either_tavern, "root", inviteCode=container.invites().create(admin=True))
    return either_tavern


@pytest.fixture
def ada(many: Tavern) -> str:
    """A user's token."""
    return register(many, "ada")


def entries(tavern: Tavern, token: str, query: str = "") -> list[dict[str, Any]]:
    """A user's own audit, the newest first."""
    answer = tavern.ask("GET", f"/api/users/me/audit{query}", headers=bearer(token))
    assert answer.status == 200, answer.body
    found: list[dict[str, Any]] = answer.json()["entries"]
    return found


def acts(tavern: Tavern, token: str) -> list[str]:
    """What was done, the oldest first."""
    return [entry["act"] for entry in entries(tavern, token)][::-1]


def test_every_act_leaves_its_entry(many: Tavern, ada: str) -> None:
    headers = bearer(ada)
    login(many, "ada", "wrong password")
    other = login(many, "ada").json()["token"]
    made = many.ask("POST", "/api/users/me/service-keys", json={}, headers=headers).json()
    many.ask("DELETE", f"/api/users/me/service-keys/{made['id']}", headers=headers)
    draft = {"serviceName": "s", "credential": "very secret text"}
    kept = many.ask("POST", "/api/users/me/credentials", json=draft, headers=headers).json()
    many.ask("DELETE", f"/api/users/me/credentials/{kept['id']}", headers=headers)
    many.ask("PUT", "/api/users/me/username", json={"username": "Ada L"}, headers=headers)
    many.ask("POST", "/api/auth/logout", headers=bearer(other))
    change = {"currentPassword": PASSWORD, "newPassword": "another password"}
    many.ask("PUT", "/api/auth/password", json=change, headers=headers)
    found = acts(many, ada)
    assert sorted(found[:2]) == ["registered", "signed-in"]
    assert found[2:] == [
        "sign-in-failed",
        "signed-in",
        "key-made",
        "key-removed",
        "credential-made",
        "credential-removed",
        "renamed",
        "session-ended",
        "password-changed",
    ]


def test_an_entry_tells_when_whence_and_with_what(many: Tavern, ada: str) -> None:
    headers = {**bearer(ada), "User-Agent": "browser" + "x" * 1000}
    made = many.ask("POST", "/api/users/me/service-keys", json={}, headers=headers).json()
    entry = entries(many, ada)[0]
    assert entry["act"] == "key-made"
    assert entry["ip"] == "127.0.0.1"
    assert entry["userAgent"].startswith("browser")
    assert len(entry["userAgent"]) == 200
    assert entry["details"]["id"] == made["id"]
    assert entry["at"].endswith("Z")
    assert "identity" in entry


def test_no_entry_holds_a_secret_or_what_a_user_wrote(many: Tavern, ada: str) -> None:
    headers = bearer(ada)
    key = {"name": "my own words"}
    made = many.ask("POST", "/api/users/me/service-keys", json=key, headers=headers).json()
    draft = {"serviceName": "my own words", "credential": "very secret text"}
    many.ask("POST", "/api/users/me/credentials", json=draft, headers=headers)
    text = json.dumps(entries(many, ada))
    for told in ("my own words", "very secret text", made["secret"], ada, PASSWORD):
        assert told not in text


def test_what_failed_leaves_no_entry(many: Tavern, ada: str) -> None:
    before = acts(many, ada)
    many.ask("DELETE", "/api/users/me/service-keys/none", headers=bearer(ada))
    many.ask("DELETE", "/api/users/me/credentials/none", headers=bearer(ada))
    many.ask("PUT", "/api/users/me/username", json={"username": "root"}, headers=bearer(ada))
    assert acts(many, ada) == before


def test_a_guess_at_the_current_password_is_noted(many: Tavern, ada: str) -> None:
    """Who has got hold of a session tries to keep the account."""
    change = {"currentPassword": "wrong password", "newPassword": "another password"}
    answer = many.ask("PUT", "/api/auth/password", json=change, headers=bearer(ada))
    assert answer.status == 403
    assert acts(many, ada)[-1] == "sign-in-failed"


def test_pages_go_back_to_the_first_entry(many: Tavern, ada: str) -> None:
    for _ in range(4):
        login(many, "ada")
    whole = entries(many, ada)
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        target = f"/api/users/me/audit?limit=2&cursor={cursor}"
        page = many.ask("GET", target, headers=bearer(ada)).json()
        assert len(page["entries"]) <= 2
        found += page["entries"]
        if "cursor" not in page:
            break
        cursor = page["cursor"]
    assert found == whole
    times = [entry["at"] for entry in whole]
    assert times == sorted(times, reverse=True)


@pytest.mark.parametrize("query", ["?limit=0", "?limit=201", "?limit=x", "?limit=-1"])
def test_pages_that_cannot_be_are_refused(many: Tavern, ada: str, query: str) -> None:
    answer = many.ask("GET", f"/api/users/me/audit{query}", headers=bearer(ada))
    assert answer.status == 400


def test_an_administrator_sees_a_users_audit_and_is_named_in_it(many: Tavern, ada: str) -> None:
    root = login(many, "root").json()["token"]
    uid = uid_of(many, ada)
    change = {"quotas": {"documents": 5}}
    many.ask("PUT", f"/api/admin/users/{uid}/quotas", json=change, headers=bearer(root))
    seen = many.ask("GET", f"/api/audit?user={uid}", headers=bearer(root)).json()["entries"]
    assert seen == entries(many, ada)
    assert (seen[0]["act"], seen[0]["by"]) == ("quotas-set", uid_of(many, root))
    assert seen[0]["details"] == {"documents": 5}


def test_who_is_no_administrator_is_told_that_it_takes_one(many: Tavern, ada: str) -> None:
    made = many.ask("POST", "/api/users/me/service-keys", json={}, headers=bearer(ada)).json()
    for shown in (ada, made["secret"]):
        answer = many.ask("GET", f"/api/audit?user={uid_of(many, ada)}", headers=bearer(shown))
        assert (answer.status, answer.json()["error"]) == (403, "This needs an administrator")


def test_a_key_does_not_read_the_audit(many: Tavern, ada: str) -> None:
    made = many.ask("POST", "/api/users/me/service-keys", json={}, headers=bearer(ada)).json()
    answer = many.ask("GET", "/api/users/me/audit", headers=bearer(made["secret"]))
    assert answer.status == 403


def test_entries_expire_after_their_retention(many: Tavern, ada: str) -> None:
    found = container.accounts().query(rows.of_audit(uid_of(many, ada))).entries
    now = container.clock().now()
    assert {abs((each.expires_at or 0) - now - RETENTION_SECONDS) < 600 for each in found} == {True}
