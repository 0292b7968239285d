"""All that users and operators do, so that each function makes all of its calls."""

import json
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from chalicelib import admin, container
from chalicelib.ports import Connection, Put
from chalicelib.services.accounts import rows
from chalicelib.services.accounts.quotas import Limits
from chalicelib.services.accounts.tokens import Tokens
from chalicelib.services.callers import Caller
from chalicelib.services.connections import MAX_CONNECTIONS, Connections
from tests.api.people import PASSWORD, bearer, login, register
from tests.api.pictures import AVATAR, form, part, picture_form
from tests.api.product import Tavern
from tests.clock import ManualClock
from tests.unit.imports.depot import card, zipped
from tests.unit.pictures.samples import png

PACKS = Path(__file__).resolve().parents[1] / "packs"
# After so many requests within a minute they are counted where all processes see it.
COUNTED_AT = (Limits().requests_a_minute or 0) // 20
LARGE = "x" * 100_000
IMPORT = "/api/characters/import"
LIBRARY = zipped({"Ada.png": png(), "Ada.json": card("Ada"), "Bob.json": card("Bob")})
TEXT = {"id": "text", "fullType": "core:TextMerge", "inputs": {"text_inputs": ["a", "b"]}}
SLOW = {"id": "slow", "fullType": "slow:Wait", "inputs": {"seconds": 3600}}
LARGE_TEXT = {"id": "text", "fullType": "core:TextMerge", "inputs": {"text_inputs": [LARGE]}}
OF_USERS = ("invite", "users", "quotas", "export", "reset-password", "disable", "enable")


def the_api_is_used(tavern: Tavern) -> None:
    """Every route that reaches a store."""
    for target, body in [
        ("/api/projects", {"name": "Tales"}),
        ("/api/projects", {"name": "Sagas"}),
        ("/api/projects/Sagas/workflows", {"name": "First", "id": "first"}),
        ("/api/projects/Tales/workflows", {"name": "One", "id": "one"}),
        ("/api/projects/Tales/workflows", {"name": "Two", "id": "two"}),
        ("/api/prompt", {"nodes": [TEXT], "edges": []}),
        ("/api/prompt", {"nodes": [TEXT], "edges": []}),
        ("/api/prompt", {"nodes": [LARGE_TEXT], "edges": []}),
        ("/api/prompt", {"nodes": [LARGE_TEXT], "edges": []}),
        ("/api/nodes/reload", {}),
        ("/api/users/me/credentials", {"serviceName": "poems", "credential": "sesame"}),
    ]:
        key = {"Idempotency-Key": str(len(str(body)))}
        assert tavern.ask("POST", target, json=body, headers=key).status in (200, 201)
    runs = [run["promptId"] for run in tavern.ask("GET", "/api/executions").json()["pending"]]
    assert {tavern.ask("GET", f"/api/prompt/{run}").status for run in runs} == {200}
    waiting = runs[0]
    assert tavern.ask("DELETE", f"/api/interrupt/{waiting}").status == 200
    project, workflow = "/api/projects/Tales", "/api/projects/Tales/workflows/one"
    etag = tavern.ask("GET", workflow).headers["etag"]
    renamed = {"name": "Renamed", "id": "one"}
    tavern.ask("PUT", workflow, json=renamed, headers={"If-Match": etag})
    tavern.ask("PUT", project, json={"description": "d"})
    (_, oldest) = tavern.ask("GET", f"{workflow}/versions").json()
    tavern.ask("POST", f"{workflow}/versions/{oldest['version']}/restore")
    tavern.ask("DELETE", workflow)
    for entry in tavern.ask("GET", "/api/recycle-bin").json():
        assert tavern.ask("POST", f"/api/recycle-bin/{entry['id']}/restore").status == 200
    tavern.ask("DELETE", workflow)
    for target in (
        *("/api/projects", f"{project}/workflows", "/api/workflows", "/api/workflows/none"),
        *("/api/executions", "/api/executions?scope=all", "/api/system_stats"),
        *("/api/prompt/none", f"{project}/workflows/none", "/api/auth/current"),
    ):
        assert tavern.ask("GET", target).status in (200, 404)
    tavern.ask("DELETE", project)
    assert tavern.ask("DELETE", "/api/recycle-bin").status == 200


def credential_node(tavern: Tavern) -> dict[str, Any]:
    """A node that asks for the credential that was kept."""
    (kept,) = tavern.ask("GET", "/api/users/me/credentials").json()
    return {"id": "spill", "fullType": "leaky:Spill", "inputs": {"credential": kept["id"]}}


def people_sign_in(tavern: Tavern) -> str:
    """All that accounts are asked; the token of a session that was not used for a while."""
    code = container.invites().create(admin=True)
    first = bearer(register(tavern, "root", inviteCode=code))
    assert login(tavern, "root", "wrong password").status == 401
    change = {"currentPassword": PASSWORD, "newPassword": "another password"}
    assert tavern.ask("PUT", "/api/auth/password", json=change, headers=first).status == 204
    token = str(login(tavern, "root", "another password").json()["token"])
    for target in ("/api/auth/current", "/api/auth/sessions"):
        assert tavern.ask("GET", target, headers=first).status == 200
    rename = {"username": "admin"}
    renamed = tavern.ask("PUT", "/api/users/me/username", json=rename, headers=first)
    assert renamed.status == 200
    assert tavern.ask("POST", "/api/auth/logout", headers=first).status == 204
    row = container.accounts().get(rows.of_token(token[4:20]), rows.TOKEN)
    assert row is not None
    container.accounts().write(Put(replace(row, value={**row.value, "lastUsedAt": 0})))
    return token


def a_picture_is_set(tavern: Tavern) -> None:
    """Twice from a form, so that the first goes, and once from an upload."""
    for shade in (b"\1", b"\2"):
        assert tavern.ask("POST", AVATAR, **picture_form(png(pixels=b"\0" + shade))).status == 200
    offer = {"size": 1000, "mediaType": "image/png"}
    offered = tavern.ask("POST", f"{AVATAR}/upload", json=offer).json()
    # A client does this with the form that was signed, in the name of who signed it.
    container.documents().put(offered["fields"]["key"], png())
    taken = tavern.ask("POST", f"{AVATAR}/upload/{offered['uploadId']}")
    assert tavern.ask("GET", taken.json()["avatarUrl"]).status == 200
    assert tavern.ask("PUT", "/api/users/me/username", json={"username": "Ada"}).status == 200


def a_socket_is_used(tavern: Tavern) -> None:
    """Every message that reaches a store."""
    saga = {"projectId": "Sagas"}
    payload = {"nodes": [LARGE_TEXT], "edges": [], "idempotencyKey": "socket"}
    for message in [
        {"type": "PROMPT_REQUEST", "payload": payload},
        {"type": "PROMPT_REQUEST", "payload": payload},
        {"type": "PROMPT_REQUEST", "payload": payload | {"nodes": [TEXT]}},
        {"type": "list_workflows", "payload": saga},
        {"type": "save_workflow", "payload": saga | {"workflow": {"name": "Second"}}},
        {"type": "save_workflow", "payload": saga | {"workflow": {"name": "A", "id": "first"}}},
        {"type": "load_workflow", "payload": saga | {"workflowId": "first"}},
        {"type": "save_workflow", "payload": saga | {"workflow": {"name": "A"}}},
        {"type": "save_workflow", "payload": saga | {"workflow": {"name": "A", "id": "old"}}},
        {"type": "FOLLOW_RUN", "payload": {"promptId": str(uuid.uuid4()), "afterSequence": 0}},
        {"type": "get_node_definitions", "payload": {}},
    ]:
        tavern.say(message)
    for status in ("running", "pending"):
        for run in tavern.ask("GET", "/api/executions").json()[status]:
            after = {"promptId": run["promptId"], "afterSequence": 0}
            tavern.say({"type": "FOLLOW_RUN", "payload": after})
    tavern.say({"type": "INTERRUPT_REQUEST", "payload": {"promptId": run["promptId"]}})


def an_operator_looks_after_it(waiting: str, lost: str) -> None:
    """Every command."""
    asked: list[tuple[str, dict[str, str]]] = [
        *(("stats", {}), ("runs", {}), ("runs", {"user": "default_user"}), ("repair", {})),
        *(("end", {"promptId": waiting}), ("requeue", {"promptId": lost}), ("rotate-keys", {})),
    ]
    for command, arguments in asked:
        answer = admin.run({"command": command, "arguments": arguments}, lambda: 900_000)
        assert answer["rows"]
        assert "failed" not in answer
    others = {command.name for command in admin.COMMANDS} - {command for command, _ in asked}
    assert others == {*OF_USERS, "erase"}


def eve_leaves_something_everywhere(tavern: Tavern) -> None:
    """A user who has a row and an object of every kind."""
    code = container.invites().create(admin=False)
    token = bearer(register(tavern, "eve", inviteCode=code))
    for target, body in [
        ("/api/projects", {"name": "Tales"}),
        ("/api/projects/Tales/workflows", {"name": "One", "id": "one"}),
        ("/api/prompt", {"nodes": [LARGE_TEXT], "edges": []}),
        ("/api/users/me/service-keys", {}),
    ]:
        key = {**token, "Idempotency-Key": "eve"}
        assert tavern.ask("POST", target, json=body, headers=key).status in (200, 201)
    a_library_is_brought(tavern, **token)
    workflow = "/api/projects/Tales/workflows/one"
    tavern.ask("PUT", workflow, json={"name": "Renamed", "id": "one"}, headers=token)
    tavern.ask("DELETE", workflow, headers=token)
    uid = container.user_operations().find("eve").user.uid
    container.documents().put(f"uploads/{uid}/left", b"1")
    container.documents().put(f"uploads/{uid}/left", b"2")


def an_operator_looks_after_users() -> None:
    """Every command about users."""
    for command in OF_USERS:
        asked = {"invite": {}, "users": {}, "export": {"username": "eve", "to": "x.zip"}}
        arguments: dict[str, object] = dict(asked.get(command, {"username": "eve"}))
        if command == "quotas":
            arguments["set"] = "documents=5,bytes=default,queuedRuns=20"
        answer = admin.run({"command": command, "arguments": arguments}, lambda: 900_000)
        assert "error" not in answer, answer
    eve = {"username": "eve", "confirm": "eve"}
    answer = admin.run({"command": "erase", "arguments": eve}, lambda: 900_000)
    assert answer["rows"][0]["objects"] > 0, answer


def a_library_is_brought(tavern: Tavern, **headers: str) -> str:
    """As a form; the id of the import."""
    library = form(part("file", LIBRARY, filename="library.zip"))
    answer = tavern.ask(
        "POST", IMPORT, body=library["body"], headers={**library["headers"], **headers}
    )
    assert answer.status == 202, answer.body
    return str(answer.json()["data"]["importId"])


def libraries_are_brought(tavern: Tavern) -> None:
    """As a form and as an upload; one is cancelled, and one has to wait."""
    first, second = (a_library_is_brought(tavern) for _ in range(2))
    assert tavern.ask("DELETE", f"{IMPORT}/{second}").status == 200
    offered = tavern.ask("POST", f"{IMPORT}/upload", json={"size": 10_000}).json()["data"]
    # A client does this with the form that was signed, in the name of who signed it.
    container.documents().put(offered["fields"]["key"], LIBRARY)
    taken = tavern.ask("POST", IMPORT, json={"uploadId": offered["uploadId"]})
    assert taken.status == 202
    for target in (IMPORT, f"{IMPORT}/{first}/report"):
        assert tavern.ask("GET", target).status == 200


def an_import_that_waits() -> dict[str, Any]:
    """The message that names it, as an event."""
    uid, import_id = next(iter(container.import_jobs().opened()))
    return {"Records": [{"body": json.dumps({"uid": uid, "importId": import_id})}]}


def imports_were_left(uid: str) -> None:
    """One to give up, one that was never sent, one that ended and was not cleared away."""
    jobs = container.import_jobs()
    left = [jobs.open(uid, str(number) * 22, 1) for number in range(3)]
    for job in left:
        container.documents().put(job.key, LIBRARY)
    assert jobs.replace(left[2], replace(left[2], status="complete")) is not None


def a_socket_is_lost(tavern: Tavern) -> None:
    """Nobody knows yet; who sends to it next finds out."""
    tavern.connect("lost")
    tavern.lose("lost")


def a_user_has_many_sockets_and_one_is_lost(tavern: Tavern, user: Caller) -> None:
    """So many that the next is let in only because of that one."""
    clock = ManualClock(time.time() - 3600)
    an_hour_ago = Connections(container.index(), container.publisher(), clock, container.metrics())
    while len(an_hour_ago.of_user(user.uid)) < MAX_CONNECTIONS - 1:
        an_hour_ago.register(user, Connection(uuid.uuid4().hex, "https://tavern.example/ws"))
    an_hour_ago.register(user, Connection("lost", "https://tavern.example/ws"))
    tavern.lose("lost")


def a_session_was_ended_an_hour_ago(user: Caller) -> None:
    """And its sockets are still open."""
    clock = ManualClock(time.time() - 3600)
    tokens = Tokens(container.accounts(), clock)
    changes = tokens.revocation(user.uid, "session", str(user.identity), str(user.token))
    container.accounts().write(*changes)
