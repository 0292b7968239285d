"""Many users in one house: wherever the product runs, nobody meets what is another's."""

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from tests.builders import node, payload
from tests.end_to_end.conftest import House
from tests.end_to_end.people import PASSWORD, asking
from tests.local.client import Client

pytestmark = pytest.mark.stack
SUM = payload([node("n", "core:MathOperation", inputs={"a": 1, "b": 2})])


def test_a_stranger_is_told_to_sign_in_and_nothing_else(house: House) -> None:
    with asking(house.url, None) as stranger:
        assert stranger.get("/api/projects").status_code == 401
        context = stranger.get("/api/auth/current").json()
        assert (context["mode"], context["isAuthenticated"]) == ("MultiUser", False)
    with pytest.raises(InvalidStatus), connect(f"{house.url.replace('http', 'ws', 1)}/ws"):
        pass


def test_a_browser_signs_in_with_a_cookie_that_scripts_cannot_read(house: House) -> None:
    house.guest("Bert")
    with httpx.Client(base_url=house.url, timeout=60, headers={"Origin": house.url}) as browser:
        body = {"username": "Bert", "password": PASSWORD}
        answer = browser.post("/api/auth/login", json=body)
        assert "httponly" in answer.headers["set-cookie"].lower()
        browser.cookies = answer.cookies
        assert browser.get("/api/auth/current").json()["currentUser"]["username"] == "Bert"
        assert browser.post("/api/projects", json={"name": "Mine"}).status_code == 201
        assert browser.post("/api/auth/logout").status_code == 204
        assert browser.get("/api/projects").status_code == 401


def test_a_key_runs_workflows_and_nobody_else_meets_the_run(house: House) -> None:
    owner, other = house.guest("Carol"), house.guest("Dave")
    with asking(house.url, owner) as session:
        key = session.post("/api/users/me/service-keys", json={"scopes": ["run", "read"]}).json()
    with Client(house.url, token=key["secret"]) as script:
        prompt_id = script.submit(SUM)
        assert script.follow(prompt_id)[-1]["payload"]["status"] == "complete"
        assert script.http.post("/api/projects", json={"name": "No"}).status_code == 403
    with asking(house.url, other) as stranger:
        assert stranger.get(f"/api/prompt/{prompt_id}").status_code == 404
        assert stranger.delete(f"/api/interrupt/{prompt_id}").status_code == 404


def test_a_ticket_opens_one_socket(house: House) -> None:
    with asking(house.url, house.administrator) as session:
        ticket = session.post("/api/auth/ws-ticket").json()["ticket"]
    with Client(house.url, query=f"?ticket={ticket}") as first:
        first.say("get_node_definitions", {})
        assert first.hear()[0]["type"] == "node_definitions"
        with pytest.raises(InvalidStatus), Client(house.url, query=f"?ticket={ticket}"):
            pass


def test_the_socket_of_a_key_that_is_deleted_closes(house: House) -> None:
    with asking(house.url, house.administrator) as session:
        key = session.post("/api/users/me/service-keys", json={}).json()
        with Client(house.url, token=key["secret"]) as script:
            script.say("get_node_definitions", {})
            script.hear()
            assert session.delete(f"/api/users/me/service-keys/{key['id']}").status_code == 204
            with pytest.raises(ConnectionClosed):
                script.hear(timeout=60)
    with asking(house.url, key["secret"]) as script_again:
        assert script_again.get("/api/projects").status_code == 401


def test_a_credential_is_kept_and_never_told(house: House) -> None:
    secret = "sk-this-is-only-a-test-0123456789"
    with asking(house.url, house.administrator) as session:
        body = {"serviceName": "openai", "credential": secret}
        made = session.post("/api/users/me/credentials", json=body)
        assert made.status_code == 201
        told = made.text + session.get("/api/users/me/credentials").text
        assert secret not in told
        told += session.get("/api/auth/current").text
        assert secret not in told
