"""One of each thing that belongs to a user, and all that is stored of them."""

import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass

from chalicelib import container
from chalicelib.adapters.aws import clients
from infra.resources import ResourceNames
from tests.api.pictures import AVATAR, form, part, picture_form
from tests.api.product import Answer, Tavern
from tests.builders import node, payload
from tests.unit.imports.depot import zipped
from tests.unit.pictures.samples import png

PICTURE = png()
_LARGE = 10_000  # times: so long a value is kept apart from its event
Things = Mapping[str, str]
"""What identifies things, by the name that it has as a parameter of a path."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Who makes things; ``name`` is in their names, ids and content, ``headers`` say who asks."""

    tavern: Tavern
    uid: str
    name: str
    headers: Mapping[str, str]

    def ask(self, method: str, target: str, json: object = None, **more: str) -> Answer:
        """Ask for something that must work."""
        headers = {**self.headers, **more}
        answer = self.tavern.ask(method, target, json=json, headers=headers)
        assert answer.status < 300, answer.body
        return answer

    def submit(self, text: str, **headers: str) -> str:
        """Submit a run that says something."""
        asked = self.ask("POST", "/api/prompt", self.a_run(text), **headers)
        return str(asked.json()["promptId"])

    def a_run(self, text: str) -> object:
        """What to run, to have something said."""
        nodes = [node("n", "core:TextMerge", inputs={"text_inputs": [text]})]
        return payload(nodes, metadata={"workflowName": f"{self.name}-run"})


def make_things(owner: Owner, *, but: Collection[str] = ()) -> Things:
    """One of each but some; ``waiting`` is a run that has not begun."""
    things: dict[str, str] = {}
    for name, make in MAKERS.items():
        if name not in but:
            things[name] = make(owner, things)
    return things


def stored(names: ResourceNames | None, *marks: str) -> set[str]:
    """Everything that is stored and holds one of these texts; of the services if named."""
    everything = _tables() if names is None else _services(names)
    return {text for text in everything if any(mark in text for mark in marks)}


def _project(owner: Owner, _things: Things) -> str:
    made = owner.ask("POST", "/api/projects", {"name": f"{owner.name}-tales"})
    return str(made.json()["id"])


def _workflow(owner: Owner, things: Things, what: str = "plot") -> str:
    target = f"/api/projects/{things['project_id']}/workflows"
    draft = {"id": f"{owner.name}-{what}", "name": f"{owner.name}-{what}", "nodes": [], "edges": []}
    owner.ask("POST", target, draft)
    owner.ask("PUT", f"{target}/{draft['id']}", {**draft, "description": "second"})
    return str(draft["id"])


def _version(owner: Owner, things: Things) -> str:
    target = f"/api/projects/{things['project_id']}/workflows/{things['workflow_id']}/versions"
    return str(owner.ask("GET", target).json()[-1]["version"])


def _bin_entry(owner: Owner, things: Things) -> str:
    removed = _workflow(owner, things, "removed")
    owner.ask("DELETE", f"/api/projects/{things['project_id']}/workflows/{removed}")
    listed = owner.ask("GET", "/api/recycle-bin").json()
    return next(str(entry["id"]) for entry in listed if entry["name"] == removed)


def _ended_run(owner: Owner, _things: Things) -> str:
    prompt_id = owner.submit(f"{owner.name} " * _LARGE)
    owner.tavern.work()
    return prompt_id


def _large_value(owner: Owner, things: Things) -> str:
    status = owner.ask("GET", f"/api/prompt/{things['prompt_id']}").json()
    (output,) = status["nodeStatus"]["n"]["output"].values()
    return str(output["$ref"]["url"]).rpartition("/")[2]


def _waiting_run(owner: Owner, _things: Things) -> str:
    return owner.submit(owner.name, **{"Idempotency-Key": owner.name})


def _session(owner: Owner, _things: Things) -> str:
    """One beside that which asks."""
    holdings = container.users().holdings(owner.uid)
    container.sessions().open(holdings, f"{owner.name}-browser")
    listed = owner.ask("GET", "/api/auth/sessions").json()
    mine = f"{owner.name}-browser"
    return next(str(each["id"]) for each in listed if each.get("userAgent") == mine)


def _key(owner: Owner, _things: Things) -> str:
    made = owner.ask("POST", "/api/users/me/service-keys", {"name": f"{owner.name}-key"})
    return str(made.json()["id"])


def _credential(owner: Owner, _things: Things) -> str:
    body = {"serviceName": f"{owner.name}-mail", "credential": f"{owner.name}-0123456789"}
    return str(owner.ask("POST", "/api/users/me/credentials", body).json()["id"])


def _upload(owner: Owner, _things: Things) -> str:
    """One whose file is there already."""
    offer = {"size": len(PICTURE), "mediaType": "image/png"}
    made = owner.ask("POST", f"{AVATAR}/upload", offer).json()
    container.documents().put(f"uploads/{owner.uid}/{made['uploadId']}", PICTURE)
    return str(made["uploadId"])


def _card_upload(owner: Owner, _things: Things) -> str:
    """One of a character, whose file is there already."""
    made = owner.ask("POST", "/api/characters/upload", {"size": len(PICTURE)}).json()["data"]
    container.documents().put(f"uploads/{owner.uid}/{made['uploadId']}", PICTURE)
    return str(made["uploadId"])


def _picture(owner: Owner, _things: Things) -> str:
    form = picture_form(PICTURE)
    headers = {**form["headers"], **owner.headers}
    answer = owner.tavern.ask("POST", AVATAR, body=form["body"], headers=headers)
    assert answer.status == 200, answer.body
    return str(answer.json()["avatarUrl"]).rpartition("/")[2]


def _character(owner: Owner, things: Things) -> str:
    """One with a picture, and with the lorebook in its card."""
    sent = form(part("file", PICTURE, filename=f"{owner.name}.png"))
    headers = {**sent["headers"], **owner.headers}
    answer = owner.tavern.ask("POST", "/api/characters", body=sent["body"], headers=headers)
    assert answer.status == 201, answer.body
    character_id = str(answer.json()["data"]["id"])
    book = {"lorebookId": things["lorebook_id"]}
    owner.ask("PUT", f"/api/characters/{character_id}/lorebook", book)
    return character_id


def _lorebook(owner: Owner, _things: Things) -> str:
    made = owner.ask("POST", "/api/lorebooks", {"name": f"{owner.name}-lore"})
    return str(made.json()["data"]["id"])


def _version_of(kind: str) -> Callable[[Owner, Things], str]:
    """The oldest version of a thing of this kind."""

    def find(owner: Owner, things: Things) -> str:
        answer = owner.ask("GET", f"/api/{kind}s/{things[f'{kind}_id']}/versions")
        return str(answer.json()["data"][-1]["version"])

    return find


def _import(owner: Owner, _things: Things) -> str:
    """One that waits."""
    sent = form(part("file", zipped({f"{owner.name}.png": PICTURE}), filename="library.zip"))
    headers = {**sent["headers"], **owner.headers}
    answer = owner.tavern.ask("POST", "/api/characters/import", body=sent["body"], headers=headers)
    assert answer.status == 202, answer.body
    return str(answer.json()["data"]["importId"])


MAKERS: Mapping[str, Callable[[Owner, Things], str]] = {
    "uid": lambda owner, _things: owner.uid,
    "project_id": _project,
    "workflow_id": _workflow,
    "version": _version,
    "entry_id": _bin_entry,
    "prompt_id": _ended_run,
    "digest": _large_value,
    "waiting": _waiting_run,
    "session_id": _session,
    "key_id": _key,
    "credential_id": _credential,
    "upload_id": _upload,
    "character_upload_id": _card_upload,
    "name": _picture,
    "lorebook_id": _lorebook,
    "lorebook_version": _version_of("lorebook"),
    "character_id": _character,
    "character_version": _version_of("character"),
    "import_id": _import,
    "image_name": lambda owner, _things: f"{owner.name}.png",
}
"""How each thing is made, after those that it belongs to."""


def _tables() -> Iterator[str]:
    """Every row of every table of the one-machine store."""
    file = container.settings().data_dir / "tavern.db"
    with closing(sqlite3.connect(file)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        for (table,) in tables.fetchall():
            for row in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 (our own)
                yield f"{table} {row}"


def _services(names: ResourceNames) -> Iterator[str]:
    """Every item of every table, and every version of every object."""
    for table in (names.library, names.executions, names.accounts):
        for page in clients.dynamodb().get_paginator("scan").paginate(TableName=table):
            for item in page["Items"]:
                yield f"{table} {sorted(item.items(), key=str)}"
    listed = clients.s3().list_object_versions(Bucket=names.bucket)
    for entry in [*listed.get("Versions", []), *listed.get("DeleteMarkers", [])]:
        yield f"{entry['Key']} {entry['VersionId']} {entry.get('ETag')} {entry['IsLatest']}"
