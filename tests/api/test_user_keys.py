"""Service keys and credentials over HTTP, on both families."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from chalicelib import container
from chalicelib.errors import NotFound, SecretUnreadable
from chalicelib.ports import Entry, Put
from chalicelib.services.accounts import rows
from chalicelib.services.accounts.credentials import Rewrapped
from tests.api.product import Answer, Tavern

KEYS = "/api/users/me/service-keys"
CREDENTIALS = "/api/users/me/credentials"
FUTURE = "2200-01-31T12:00:00.000Z"
SECRET = "sk-test-0123456789"
FOREIGN = "0123456789abcdefghijklmno"


class Program:
    """A client that shows a service key."""

    def __init__(self, tavern: Tavern, secret: str) -> None:
        self._tavern = tavern
        self._headers = {"Authorization": f"Bearer {secret}"}

    def ask(self, method: str, target: str, *, json: Any = None) -> Answer:
        return self._tavern.ask(method, target, json=json, headers=self._headers)


def new_key(asker: Tavern | Program, **fields: Any) -> dict[str, Any]:
    answer = asker.ask("POST", KEYS, json=fields)
    assert answer.status == 201, answer.body
    made: dict[str, Any] = answer.json()
    return made


def program(tavern: Tavern, *scopes: str, **fields: Any) -> Program:
    return Program(tavern, new_key(tavern, scopes=scopes, **fields)["secret"])


def details_of(answer: Answer, status: int = 400) -> Mapping[str, Any]:
    assert answer.status == status, answer.body
    found: Mapping[str, Any] = answer.json()["details"]
    return found


def test_a_key_is_made_with_what_was_asked_and_shows_its_secret_once(either_tavern: Tavern) -> None:
    body = {"name": "  build ", "scopes": ["run", "read", "read"], "expiresAt": FUTURE}
    made = new_key(either_tavern, **body)
    secret = made.pop("secret")
    assert (made["name"], made["scopes"], made["expiresAt"]) == ("build", ["read", "run"], FUTURE)
    assert secret.startswith("ctsk_")
    assert secret.startswith(made["prefix"])
    assert made.keys() == {"id", "name", "prefix", "scopes", "createdAt", "expiresAt"}
    assert either_tavern.ask("GET", KEYS).json() == [made]


@pytest.mark.parametrize("body", [b"", b"{}", b'{"scopes": null, "name": null, "expiresAt": null}'])
def test_nothing_said_means_no_name_and_the_default_scopes(tavern: Tavern, body: bytes) -> None:
    answer = tavern.ask("POST", KEYS, body=body)
    assert answer.status == 201
    made = answer.json()
    assert made["scopes"] == ["read", "write", "run"]
    assert made.keys() == {"id", "prefix", "scopes", "createdAt", "secret"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", " \t "),
        ("name", "x" * 101),
        ("name", 5),
        ("scopes", ["read", "delete"]),
        ("scopes", "read"),
        ("scopes", []),
        ("scopes", [["read"]]),
        ("expiresAt", "tomorrow"),
        ("expiresAt", ""),
        ("expiresAt", "2001-01-01T00:00:00Z"),
        ("expiresAt", "9999-12-31T23:59:59-12:00"),
        ("expiresAt", "0001-01-01T00:00:00+12:00"),
        ("expiresAt", 4_102_444_800),
    ],
)
def test_what_is_wrong_in_a_new_key_is_named(tavern: Tavern, field: str, value: Any) -> None:
    details = details_of(tavern.ask("POST", KEYS, json={field: value}))
    assert [name.partition(".")[0] for name in details] == [field]
    assert tavern.ask("GET", KEYS).json() == []


def test_a_name_of_a_hundred_characters_is_kept(tavern: Tavern) -> None:
    assert new_key(tavern, name=f" {'x' * 100} ")["name"] == "x" * 100


@pytest.mark.parametrize(
    "text", ["2200-01-31T12:00:00Z", "2200-01-31T13:00:00+01:00", "2200-01-31T12:00:00"]
)
def test_an_expiry_may_have_an_offset_or_is_utc(tavern: Tavern, text: str) -> None:
    assert new_key(tavern, expiresAt=text)["expiresAt"] == FUTURE


def test_the_fifty_first_key_is_refused_with_the_number(tavern: Tavern) -> None:
    for _ in range(50):
        new_key(tavern)
    answer = tavern.ask("POST", KEYS, json={})
    assert details_of(answer, 409) == {"serviceKeys": ["at most 50 at a time"]}
    assert "50" in answer.json()["error"]


def test_a_key_works_until_it_is_removed(either_tavern: Tavern) -> None:
    made = new_key(either_tavern, scopes=["read"])
    client = Program(either_tavern, made["secret"])
    assert client.ask("GET", "/api/projects").status == 200
    assert either_tavern.ask("DELETE", f"{KEYS}/{made['id']}").status == 204
    assert client.ask("GET", "/api/projects").status == 401
    assert either_tavern.ask("GET", KEYS).json() == []
    assert either_tavern.ask("DELETE", f"{KEYS}/{made['id']}").status == 404


def test_a_use_is_noted(either_tavern: Tavern) -> None:
    client = program(either_tavern, "read")
    assert "lastUsedAt" not in either_tavern.ask("GET", KEYS).json()[0]
    client.ask("GET", "/api/projects")
    (listed,) = either_tavern.ask("GET", KEYS).json()
    assert listed["lastUsedAt"][:19] >= listed["createdAt"][:19]  # to the second


@pytest.mark.parametrize("target", [f"{KEYS}/{FOREIGN}", f"{KEYS}/x", f"{CREDENTIALS}/{FOREIGN}"])
def test_what_is_not_there_is_404(either_tavern: Tavern, target: str) -> None:
    assert either_tavern.ask("DELETE", target).status == 404


@pytest.mark.parametrize(
    ("scope", "method", "target"),
    [
        ("read", "GET", "/api/projects"),
        ("write", "POST", "/api/projects"),
        ("run", "POST", "/api/prompt"),
        ("run", "POST", f"/api/interrupt/{FOREIGN}"),
        ("admin", "POST", "/api/nodes/reload"),
    ],
)
def test_a_route_takes_its_scope_and_no_other(
    tavern: Tavern, scope: str, method: str, target: str
) -> None:
    others = {"read", "write", "run", "admin"} - {scope}
    refused = program(tavern, *others).ask(method, target, json={"name": "p"})
    assert refused.status == 403
    assert repr(scope) in refused.json()["error"]
    assert program(tavern, scope).ask(method, target, json={"name": "p"}).status not in (401, 403)


def test_all_runs_are_listed_for_an_admin_scope_only(tavern: Tavern) -> None:
    everything = "/api/executions?scope=all"
    assert program(tavern, "read").ask("GET", everything).status == 403
    assert program(tavern, "admin").ask("GET", everything).status == 403
    assert program(tavern, "read", "admin").ask("GET", everything).status == 200


@pytest.mark.parametrize(
    ("method", "target"),
    [
        ("PUT", "/api/auth/password"),
        ("GET", "/api/auth/sessions"),
        ("DELETE", f"/api/auth/sessions/{FOREIGN}"),
        ("POST", "/api/auth/logout"),
    ],
)
def test_no_key_may_do_what_takes_a_person(tavern: Tavern, method: str, target: str) -> None:
    client = program(tavern, "read", "write", "run", "admin")
    assert client.ask(method, target, json={}).status == 403


def test_a_key_makes_keys_that_may_do_no_more_than_itself(tavern: Tavern) -> None:
    client = program(tavern, "read", "write")
    assert new_key(client, scopes=["read"])["scopes"] == ["read"]
    for scopes in (["admin"], ["read", "run"], None):
        answer = client.ask("POST", KEYS, json={"scopes": scopes})
        assert answer.status == 403
        assert "stronger" in answer.json()["error"]


def test_a_key_makes_keys_that_last_no_longer_than_itself(tavern: Tavern) -> None:
    client = program(tavern, "read", "write", expiresAt=FUTURE)
    assert new_key(client, scopes=["read"], expiresAt=FUTURE)["expiresAt"] == FUTURE
    for later in ({}, {"expiresAt": "2200-01-31T12:00:01Z"}):
        answer = client.ask("POST", KEYS, json={"scopes": ["read"], **later})
        assert answer.status == 403
        assert FUTURE in answer.json()["error"]


def test_a_key_ends_together_with_all_that_it_made(either_tavern: Tavern) -> None:
    first = new_key(either_tavern, scopes=["read", "write"])
    second = new_key(Program(either_tavern, first["secret"]), scopes=["read", "write"])
    third = new_key(Program(either_tavern, second["secret"]), scopes=["read"])
    other = new_key(either_tavern, scopes=["read"])
    assert either_tavern.ask("DELETE", f"{KEYS}/{first['id']}").status == 204
    for ended in (first, second, third):
        assert Program(either_tavern, ended["secret"]).ask("GET", KEYS).status == 401
    assert Program(either_tavern, other["secret"]).ask("GET", KEYS).status == 200


def test_a_family_of_fifty_keys_ends_in_one_request(either_tavern: Tavern) -> None:
    first = new_key(either_tavern, scopes=["read", "write"])
    maker = Program(either_tavern, first["secret"])
    for _ in range(49):
        new_key(maker, scopes=["read"])
    assert either_tavern.ask("DELETE", f"{KEYS}/{first['id']}").status == 204
    assert either_tavern.ask("GET", KEYS).json() == []


def test_a_key_removes_itself_but_none_that_is_stronger(tavern: Tavern) -> None:
    strong = new_key(tavern, scopes=["read", "admin"])
    weak = new_key(tavern, scopes=["write"])
    client = Program(tavern, weak["secret"])
    assert client.ask("DELETE", f"{KEYS}/{strong['id']}").status == 403
    assert client.ask("DELETE", f"{KEYS}/{weak['id']}").status == 204
    assert [key["id"] for key in tavern.ask("GET", KEYS).json()] == [strong["id"]]


def test_a_credential_is_kept_and_never_shown(either_tavern: Tavern) -> None:
    body = {"serviceName": " openai ", "displayName": " Mine ", "credential": SECRET}
    answer = either_tavern.ask("POST", CREDENTIALS, json=body)
    assert answer.status == 201
    made = answer.json()
    assert made == {
        "id": made["id"],
        "serviceName": "openai",
        "displayName": "Mine",
        "displayHint": {"prefix": "sk-t", "suffix": "6789"},
        "createdAt": made["createdAt"],
    }
    listed = either_tavern.ask("GET", CREDENTIALS)
    assert listed.json() == [made]
    assert SECRET.encode() not in answer.body + listed.body
    user = either_tavern.ask("GET", "/api/auth/current").json()["currentUser"]
    assert user["externalCredentials"] == [made]


def test_a_credential_is_forgotten(either_tavern: Tavern) -> None:
    body = {"serviceName": "openai", "credential": SECRET}
    target = f"{CREDENTIALS}/{either_tavern.ask('POST', CREDENTIALS, json=body).json()['id']}"
    assert either_tavern.ask("DELETE", target).status == 204
    assert either_tavern.ask("GET", CREDENTIALS).json() == []
    assert either_tavern.ask("DELETE", target).status == 404


@pytest.mark.parametrize(("length", "hinted"), [(15, False), (16, True)])
def test_a_hint_is_given_of_long_credentials_only(
    tavern: Tavern, length: int, hinted: bool
) -> None:
    body = {"serviceName": "s", "credential": "x" * length}
    assert ("displayHint" in tavern.ask("POST", CREDENTIALS, json=body).json()) is hinted


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("serviceName", None),
        ("serviceName", " "),
        ("serviceName", "x" * 101),
        ("displayName", ""),
        ("displayName", "x" * 101),
        ("credential", None),
        ("credential", " \n"),
        ("credential", {"hidden": SECRET}),
        ("credential", [SECRET]),
    ],
)
def test_what_is_wrong_in_a_credential_is_named_and_not_repeated(
    tavern: Tavern, field: str, value: Any
) -> None:
    body = {"serviceName": "openai", "credential": SECRET, field: value}
    answer = tavern.ask("POST", CREDENTIALS, json=body)
    assert list(details_of(answer)) == [field]
    assert SECRET.encode() not in answer.body


def test_a_credential_of_8_kib_is_kept_and_one_of_more_is_413(either_tavern: Tavern) -> None:
    body = {"serviceName": "s", "credential": "ü" * 4096}
    assert either_tavern.ask("POST", CREDENTIALS, json=body).status == 201
    answer = either_tavern.ask("POST", CREDENTIALS, json={**body, "credential": "x" * 8193})
    assert answer.status == 413
    assert "8192" in answer.json()["error"]


def test_the_fifty_first_credential_is_refused_with_the_number(tavern: Tavern) -> None:
    body = {"serviceName": "s", "credential": SECRET}
    for _ in range(50):
        assert tavern.ask("POST", CREDENTIALS, json=body).status == 201
    answer = tavern.ask("POST", CREDENTIALS, json=body)
    assert details_of(answer, 409) == {"credentials": ["at most 50 at a time"]}


def keep(tavern: Tavern) -> Entry:
    """Keep a credential; its row."""
    body = {"serviceName": "openai", "credential": SECRET}
    kept = tavern.ask("POST", CREDENTIALS, json=body).json()
    row = container.accounts().get(rows.of_user("default_user"), f"credential#{kept['id']}")
    assert row is not None
    return row


def test_a_credential_opens_for_its_owner_only(either_tavern: Tavern) -> None:
    kept = keep(either_tavern).value["id"]
    assert container.credentials().open("default_user", kept) == SECRET
    for uid, credential_id in (("bob", kept), ("default_user", FOREIGN), ("default_user", "../x")):
        with pytest.raises(NotFound):
            container.credentials().open(uid, credential_id)


def test_a_credential_in_another_row_does_not_open(either_tavern: Tavern) -> None:
    row, other = keep(either_tavern), keep(either_tavern)
    swapped = {**other.value, "envelope": row.value["envelope"]}
    renamed = {**row.value, "serviceName": "another"}
    for changed in (
        replace(row, partition=rows.of_user("bob")),
        replace(other, value=swapped),
        replace(row, value=renamed),
    ):
        container.accounts().write(Put(changed))
        uid = changed.partition.removeprefix("user#")
        with pytest.raises(SecretUnreadable):
            container.credentials().open(uid, changed.value["id"])


def test_credentials_open_after_their_keys_were_wrapped_anew(either_tavern: Tavern) -> None:
    kept = [keep(either_tavern) for _ in range(3)]
    assert container.credentials().rewrap_all("default_user") == Rewrapped(3, 0)
    for row in kept:
        now = container.accounts().get(row.partition, row.key)
        assert now is not None
        envelope, before = dict(now.value["envelope"]), dict(row.value["envelope"])
        assert envelope.pop("wrappedKey") != before.pop("wrappedKey")
        assert envelope == before
        assert container.credentials().open("default_user", row.value["id"]) == SECRET
