"""People of a running product: how they come in."""

import json

import httpx

from tests.end_to_end.stage import Stage

PASSWORD = "correct horse battery"


def register(url: str, name: str, code: str | None) -> str:
    """Make an account; the token of its session."""
    body = {"username": name, "password": PASSWORD} | ({"inviteCode": code} if code else {})
    answer = httpx.post(f"{url}/api/auth/register", json=body, timeout=60)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["token"])


def invitation(stage: Stage, *options: str) -> str:
    """An operator makes a code for one account of a stage."""
    (row,) = json.loads(stage.admin("invite", "--json", *options))
    return str(row["code"])


def register_first(stage: Stage) -> str:
    """The first account of a stage, its administrator's; the token of its session."""
    with stage.edge() as edge:
        return register(edge.url, "Ada", invitation(stage, "--admin"))


def asking(url: str, token: str | None) -> httpx.Client:
    """A script with a token, or a stranger."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx.Client(base_url=url, timeout=60, headers=headers)
