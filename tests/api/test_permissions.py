"""What a function asks of AWS, its policy allows.

moto allows everything, so the calls are noted where botocore makes them, and held
against the policy of the function that made them.
"""

import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from moto.core import DEFAULT_ACCOUNT_ID

from chalicelib import admin, container, worker
from chalicelib.adapters.aws import clients
from chalicelib.ports import Connection, Put
from chalicelib.services.accounts import rows
from chalicelib.services.accounts.quotas import Limits
from chalicelib.services.accounts.tokens import Tokens
from chalicelib.services.callers import Caller
from chalicelib.services.connections import MAX_CONNECTIONS, Connections
from chalicelib.services.runs.dispatch import message_body
from infra.local.moto_backend import REGION
from infra.resources import names
from tests.api.characters import use_all
from tests.api.neglected import PROJECTS as NEGLECTED
from tests.api.neglected import neglect
from tests.api.people import PASSWORD, bearer, login, register
from tests.api.pictures import AVATAR, form, part, picture_form
from tests.api.product import Tavern
from tests.clock import ManualClock
from tests.unit.imports.depot import card, zipped
from tests.unit.pictures.samples import png

POLICIES = Path(__file__).resolve().parents[2] / "infra" / "policies"
PACKS = Path(__file__).resolve().parents[1] / "packs"
STAGE = names("test", account=DEFAULT_ACCOUNT_ID, region=REGION)
RESOURCES = {
    STAGE.bucket: "Documents",
    STAGE.library: "Library",
    STAGE.executions: "Executions",
    STAGE.accounts: "Accounts",
    STAGE.runs: "Runs",
    STAGE.runs_dead: "RunsDead",
    STAGE.imports: "Imports",
    STAGE.imports_dead: "ImportsDead",
}
# What Lambda itself does in a function's name, before and after our code. It names a log
# group (https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html),
LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")
# and takes messages (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html).
TAKES = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
# After so many requests within a minute they are counted where all processes see it.
COUNTED_AT = (Limits().requests_a_minute or 0) // 20
LARGE = "x" * 100_000
IMPORT = "/api/characters/import"
LIBRARY = zipped({"Ada.png": png(), "Ada.json": card("Ada"), "Bob.json": card("Bob")})
TEXT = {"id": "text", "fullType": "core:TextMerge", "inputs": {"text_inputs": ["a", "b"]}}
SLOW = {"id": "slow", "fullType": "slow:Wait", "inputs": {"seconds": 3600}}
LARGE_TEXT = {"id": "text", "fullType": "core:TextMerge", "inputs": {"text_inputs": [LARGE]}}


@dataclass(frozen=True, order=True)
class Need:
    """An action on a resource; resources are called as in the template.

    ``rows`` is what the partition begins with, of a call that names one row of a table.
    """

    action: str
    resource: str
    rows: str = ""


class Notes:
    """What the function that acts needs from AWS."""

    def __init__(self, tavern: Tavern) -> None:
        self._tavern = tavern
        self._function: str | None = None
        self.needs: dict[str, set[Need]] = {}
        clients.forget()  # they take their session's handlers along when they are made
        clients.forget()  # a session's handlers reach the clients that are made after them
        clients.session().events.register("before-parameter-build", self._note)

    @contextmanager
    def acting(self, function: str) -> Iterator[None]:
        """What is called inside is called by this function."""
        self._function = function
        needs = self.needs.setdefault(function, set())
        before = self._done_to_sockets()
        self._tavern.start_anew()
        yield
        for method, count in self._done_to_sockets().items():
            if count > before[method]:
                connection = f"WebsocketAPI/ws/{method}/@connections/ada"
                needs.add(Need("execute-api:ManageConnections", connection))
        self._function = None

    def _done_to_sockets(self) -> Mapping[str, int]:
        """How often a method of the gateway's management API would have been called."""
        told = sum(len(self._tavern.messages(name)) for name in ("ada", "bob"))
        return {
            "POST": told,
            "GET": len(self._tavern.asked()),
            "DELETE": len(self._tavern.closed()),
        }

    def _note(self, params: Mapping[str, Any], model: Any, **_: object) -> None:
        if self._function is not None:
            asked = needs_of(model.service_model.service_name, model.name, params)
            self.needs[self._function].update(asked)


def needs_of(service: str, operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
    """The permissions that a call takes."""
    if operation == "TransactWriteItems":
        for item in params["TransactItems"]:
            ((kind, request),) = item.items()
            yield from needs_of(service, f"{kind}Item", request)
    elif service == "dynamodb":
        index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
        row = params.get("Key") or params.get("Item")
        kind = row["pk"]["S"].partition("#")[0] if row else ""
        yield Need(f"dynamodb:{operation}", RESOURCES[params["TableName"]] + index, kind)
    elif service == "sqs":
        queue = params.get("QueueName") or params["QueueUrl"].rpartition("/")[2]
        yield Need(f"sqs:{operation}", RESOURCES[queue])
    elif service == "kms":
        actions = ["ReEncryptFrom", "ReEncryptTo"] if operation == "ReEncrypt" else [operation]
        yield from (Need(f"kms:{action}", "Key") for action in actions)
    else:
        assert service == "s3"
        yield from needs_of_s3(operation, params)


def needs_of_s3(operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
    """The permissions that a call of S3 takes."""
    bucket = RESOURCES[params["Bucket"]]
    if operation == "DeleteObjects":
        for item in params["Delete"]["Objects"]:
            yield Need("s3:DeleteObjectVersion", f"{bucket}/{item['Key']}")
    elif operation == "CopyObject":
        source = unquote(params["CopySource"]).partition("/")[2]  # of this bucket
        yield Need("s3:GetObject", f"{bucket}/{source}")
        yield Need("s3:PutObject", f"{bucket}/{params['Key']}")
        yield Need("s3:ListBucket", bucket)
    elif operation.startswith("List"):
        action = "ListBucket" if operation == "ListObjectsV2" else "ListBucketVersions"
        yield Need(f"s3:{action}", bucket)
    elif "Key" in params:  # without: a form is signed, and nobody called
        suffix = "Version" if "VersionId" in params else ""
        yield Need(f"s3:{operation}{suffix}", f"{bucket}/{params['Key']}")
        if "IfMatch" in params or operation == "GetObject":
            yield Need("s3:GetObject", f"{bucket}/{params['Key']}")
            yield Need("s3:ListBucket", bucket)  # without it, what is not there is 403


def allows(policy: list[dict[str, Any]], need: Need) -> bool:
    """Whether a statement names both, under a condition that the call meets."""
    return any(
        need.action in statement["Action"]
        and fnmatchcase(need.resource, rendered(statement["Resource"]))
        and meets(need, statement.get("Condition"))
        for statement in policy
    )


def meets(need: Need, condition: dict[str, Any] | None) -> bool:
    """Whether a call keeps to the rows of a statement; that is the one condition there is."""
    if condition is None:
        return True
    patterns = condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    assert condition == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": patterns}}
    return any(fnmatchcase(f"{need.rows}#", pattern) for pattern in patterns)


def rendered(resource: dict[str, Any]) -> str:
    """A statement's resource, called as in the template: ``Documents/runs/*``."""
    if "Fn::GetAtt" in resource:
        return str(resource["Fn::GetAtt"][0])
    found = re.search(r"\$\{(\w+)(?:\.Arn)?\}([^$]*)$", resource["Fn::Sub"])
    assert found is not None
    return found[1] + found[2]


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


OF_USERS = ("invite", "users", "quotas", "export", "reset-password", "disable", "enable")


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


_NOTED: list[Notes] = []


@pytest.fixture
def notes(request: pytest.FixtureRequest) -> Notes:
    """What each function needed; they work once for all tests, since that takes long."""
    if not _NOTED:
        _NOTED.append(request.getfixturevalue("noted"))
    return _NOTED[0]


@pytest.fixture
def noted(aws_tavern: Tavern, monkeypatch: pytest.MonkeyPatch) -> Notes:
    """What each function needed, once all have done their work."""
    monkeypatch.setenv("TAVERN_NODE_PATHS", str(PACKS))
    tavern, noted = aws_tavern, Notes(aws_tavern)
    with noted.acting("websocket_connect"):
        tavern.connect("ada")
        tavern.connect("bob")
    container.documents().put("shared/workflows/greeting.json", b"{}")
    with noted.acting("api_handler"):
        the_api_is_used(tavern)
        a_picture_is_set(tavern)
        use_all(tavern)
        libraries_are_brought(tavern)
    with noted.acting("import_library"):
        worker.import_library(an_import_that_waits(), lambda: 0)  # it hands the import over
        assert tavern.work_imports() > 1
    imports_were_left("default_user")
    with noted.acting("dead_import"):
        worker.dead_import(an_import_that_waits())
    tavern.ask("POST", "/api/projects/Sagas/workflows", json={"name": "Old", "id": "old"})
    tavern.ask("DELETE", "/api/projects/Sagas/workflows/old")
    with noted.acting("websocket_message"):
        a_socket_is_used(tavern)
    a_socket_is_lost(tavern)
    tavern.submit({"nodes": [credential_node(tavern)], "edges": []})
    with noted.acting("run_execution"):
        assert tavern.work() == 4
    late = tavern.submit({"nodes": [SLOW], "edges": []})
    with noted.acting("run_execution"):  # and hands the run over, having no time left
        worker.run_execution({"Records": [{"body": message_body(late)}]}, lambda: 0)
    sent, lost, dead = (tavern.submit({"nodes": [TEXT], "edges": []}) for _ in range(3))
    container.run_log().update(sent, {"dispatched": False})
    container.run_log().update(lost, {"status": "running", "attempts": 99})
    a_socket_is_lost(tavern)
    with noted.acting("sweep"):
        worker.sweep({"detail": {"graceSeconds": 0}})
    tavern.lose("ada")
    with noted.acting("dead_letter"):
        worker.dead_letter({"Records": [{"body": json.dumps({"promptId": dead})}]})
    neglect("cy")
    stuck = [tavern.submit({"nodes": [TEXT], "edges": []}) for _ in range(2)]
    with noted.acting("admin"):
        an_operator_looks_after_it(*stuck)
    assert {each["name"] for each in container.projects().list("cy")} == NEGLECTED
    with noted.acting("websocket_disconnect"):
        tavern.disconnect("bob")
    monkeypatch.setenv("TAVERN_MODE", "MultiUser")
    with noted.acting("api_handler"):
        token = people_sign_in(tavern)
    with noted.acting("websocket_connect"):
        assert tavern.connect("root", authorization=f"Bearer {token}") == 200
    root = container.callers().resolve({"authorization": f"Bearer {token}"})
    a_user_has_many_sockets_and_one_is_lost(tavern, root)
    with noted.acting("api_handler"):
        ticket = tavern.ask("POST", "/api/auth/ws-ticket", headers=bearer(token)).json()["ticket"]
    with noted.acting("websocket_connect"):
        assert tavern.connect("late", query=f"ticket={ticket}") == 200
    a_session_was_ended_an_hour_ago(root)
    with noted.acting("sweep"):
        worker.sweep({})
    assert "late" in tavern.closed()
    with noted.acting("websocket_message"):
        assert tavern.status_of("{}", "late") == 410
    token = str(login(tavern, "admin", "another password").json()["token"])
    assert tavern.connect("busy", authorization=f"Bearer {token}") == 200
    with noted.acting("websocket_message"):
        for _ in range(2 * COUNTED_AT):  # also if a minute ends in between
            tavern.say({"type": "list_workflows", "payload": {"projectId": "none"}}, "busy")
    with noted.acting("api_handler"):
        for _ in range(2 * COUNTED_AT):  # also if a minute ends in between
            assert tavern.ask("GET", "/api/plugins", headers=bearer(token)).status == 200
        for target in ("/api/users/me/audit", "/api/admin/users", f"/api/audit?user={root.uid}"):
            assert tavern.ask("GET", target, headers=bearer(token)).status == 200
        wanted = {"quotas": {"bytes": 10**9}}
        quotas = f"/api/admin/users/{root.uid}/quotas"
        assert tavern.ask("PUT", quotas, json=wanted, headers=bearer(token)).status == 200
        a_library_is_brought(tavern, **bearer(token))
    container.quotas().set(root.uid, {"documents": 0})
    with noted.acting("import_library"):  # which ends it, for want of room
        assert tavern.work_imports() == 2  # with what the sweeper sent
    eve_leaves_something_everywhere(tavern)
    with noted.acting("admin"):
        an_operator_looks_after_users()
    return noted


def test_every_call_is_allowed_by_the_policy_of_the_function_that_makes_it(notes: Notes) -> None:
    refused = {
        (function, need)
        for function, needs in notes.needs.items()
        for need in needs
        if not allows(policy_of(function), need)
    }
    assert not refused
    assert set(notes.needs) == {file.stem for file in POLICIES.glob("*.json")}


def test_nothing_is_allowed_that_no_call_needs(notes: Notes) -> None:
    unused = {
        (function, action, rendered(statement["Resource"]))
        for function, needs in notes.needs.items()
        for statement in policy_of(function)
        for action in statement["Action"]
        if not is_lambdas_own(action, rendered(statement["Resource"]), function)
        if not any(allows([{**statement, "Action": [action]}], need) for need in needs)
    }
    assert not unused


def test_a_worker_reads_what_belongs_to_users_and_no_token() -> None:
    policy = policy_of("run_execution")
    kinds = ("user", "token", "username", "invite", "attempts", "audit", "")
    reads = [kind for kind in kinds if allows(policy, Need("dynamodb:GetItem", "Accounts", kind))]
    assert reads == ["user"]


def test_no_function_reaches_what_everybody_gets_as_the_web_client() -> None:
    """That is ``public/``; the folders that functions reach are these."""
    granted = {
        rendered(statement["Resource"])
        for file in POLICIES.glob("*.json")
        for statement in policy_of(file.stem)
        if any("Object" in action for action in statement["Action"])
    }
    folders = (
        *("users/*", "users/*/characters/*"),
        *("runs/*", "uploads/*", "imports/*", "shared/workflows/*"),
    )
    assert granted == {f"Documents/{folder}" for folder in folders}


def is_lambdas_own(action: str, resource: str, function: str) -> bool:
    """Whether it is Lambda that needs this, and not our code."""
    taken_from = {
        "run_execution": "Runs",
        "dead_letter": "RunsDead",
        "import_library": "Imports",
        "dead_import": "ImportsDead",
    }
    writes_its_log = action in LOGS and resource.endswith("Log")
    return writes_its_log or (action in TAKES and taken_from.get(function) == resource)


def policy_of(function: str) -> list[dict[str, Any]]:
    """The statements of a function's policy."""
    statements: list[dict[str, Any]] = json.loads((POLICIES / f"{function}.json").read_text())[
        "Statement"
    ]
    return statements
