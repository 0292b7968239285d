"""Nobody reaches what is another's: every route and every message, with the ids of his things.

Nothing here names a route to test: a new one with a parameter is tried, too, and one
whose parameter no maker of ``belongings`` makes fails.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib import api, container, realtime
from chalicelib.api.http import Access
from infra.resources import ResourceNames
from tests.api.belongings import MAKERS, PICTURE, Owner, Things, make_things, stored
from tests.api.identities import hurry, service_key, set_mode, uid_of
from tests.api.people import bearer, register
from tests.api.pictures import form, part
from tests.api.product import Answer, Tavern
from tests.api.routes import filled, parameters
from tests.builders import node, payload

# Of the node packs: everybody has the same.
NOBODYS = frozenset({"namespace", "node_type", *(f"part{number}" for number in range(1, 7))})
# Whoever knows one of these addresses may use it: it is long and random, and no list has it.
KNOWN_TO_FEW = frozenset({"/api/users/avatar/{uid}/{name}", "/api/uploads/{token}"})
# Everybody's templates: an id of a user's own workflow is none of them.
TEMPLATE = "/api/workflows/{workflow_id}"
# Of these a user has so few that there are not enough for one a route.
LIMITED = frozenset(
    {
        *("upload_id", "character_upload_id", "import_id"),
        *("session_id", "key_id", "credential_id"),
    }
)
# What a route must be sent to get as far as to look for the thing.
BODIES: Mapping[tuple[str, str], object] = {
    ("PUT", "/api/projects/{project_id}"): {"description": "mine"},
    ("PUT", "/api/projects/{project_id}/metadata"): {"description": "mine"},
    ("POST", "/api/projects/{project_id}/workflows"): {"name": "Mine", "nodes": [], "edges": []},
    ("PUT", "/api/projects/{project_id}/workflows/{workflow_id}"): {
        "name": "Mine",
        "nodes": [],
        "edges": [],
    },
    ("PUT", "/api/characters/{character_id}"): {"name": "Mine"},
    ("PATCH", "/api/characters/{character_id}"): {"description": "mine"},
    ("PUT", "/api/lorebooks/{lorebook_id}"): {"entries": []},
    ("PATCH", "/api/lorebooks/{lorebook_id}"): {"description": "mine"},
}
BOOK = ("PUT", "/api/characters/{character_id}/lorebook")
IMAGE = ("PUT", "/api/characters/{character_id}/image")


@dataclass(frozen=True, slots=True)
class Town:
    """Ada and Bob have one of each thing; Root is the administrator, and has them as well."""

    tavern: Tavern
    ada: Owner
    adas: Things
    others: Mapping[str, Owner]
    names: ResourceNames | None

    def of_ada(self) -> set[str]:
        """All that is stored and says whose it is, or what."""
        return stored(self.names, self.ada.uid, *self.ids())

    def ids(self) -> list[str]:
        """What tells Ada's things from those of others."""
        alike = ("version", "lorebook_version", "character_version", "name")
        return [self.adas[name] for name in MAKERS if name not in alike]


@pytest.fixture
def town(monkeypatch: pytest.MonkeyPatch, tavern: Tavern) -> Town:
    """On one machine."""
    return _town(tavern, monkeypatch, None)


@pytest.fixture
def aws_town(
    monkeypatch: pytest.MonkeyPatch, aws_tavern: Tavern, moto_names: ResourceNames
) -> Town:
    """On AWS's services."""
    return _town(aws_tavern, monkeypatch, moto_names)


def _town(tavern: Tavern, monkeypatch: pytest.MonkeyPatch, names: ResourceNames | None) -> Town:
    set_mode("accounts", monkeypatch)
    tavern.start_anew()
    code = container.invites().create(admin=True)
    people = {}
    for name in ("root", "ada", "bob"):
        token = register(tavern, name, inviteCode=code if name == "root" else None)
        hurry(name)
        people[name] = Owner(tavern, uid_of(name), name, bearer(token))
    ada = people.pop("ada")
    return Town(tavern, ada, make_things(ada), people, names)


def test_there_is_one_of_each_thing_that_a_path_names(town: Town) -> None:
    named = {name for _, path, _ in of_things() for name in parameters(path)}
    assert named <= {*MAKERS}
    in_few = {name for path in KNOWN_TO_FEW for name in parameters(path)}
    everywhere = {name for _, path in api.access() for name in parameters(path)}
    assert everywhere - NOBODYS - in_few == named - {"uid", "name"}


def test_whose_they_are_finds_them(town: Town) -> None:
    """Otherwise it would say nothing that others do not."""
    missing = []
    for number, (method, path, access) in enumerate(of_things()):
        if path == TEMPLATE or access == "admin":
            continue
        owner = Owner(town.tavern, town.ada.uid, f"ada{number}", town.ada.headers)
        things = make_things(owner, but=LIMITED - {*parameters(path)})
        answers = [asked(owner, method, path, values) for values in variants(path, things)]
        if not any(answer.status < 300 for answer in answers):
            missing.append((method, path, [answer.body for answer in answers]))
    assert missing == []


@pytest.mark.parametrize("name", ["bob", "root"])
@pytest.mark.parametrize("with_key", [False, True], ids=["session", "key"])
def test_no_other_finds_them_or_changes_anything(town: Town, name: str, with_key: bool) -> None:
    assert_hidden(town, name, with_key=with_key)


def test_no_other_finds_them_or_changes_anything_on_aws(aws_town: Town) -> None:
    assert_hidden(aws_town, "bob", with_key=False)


@pytest.mark.parametrize("name", ["bob", "root"])
def test_the_lists_of_others_do_not_show_them(town: Town, name: str) -> None:
    other = town.others[name]
    marks = ["ada-", *town.ids()]
    # Whatever a list might take for the user that is meant.
    asking = "&".join(f"{word}={town.ada.uid}" for word in ("user", "uid", "owner", "username"))
    for (method, path), access in api.access().items():
        if method == "GET" and not parameters(path) and not (name == "root" and access == "admin"):
            for target in (path, f"{path}?{asking}"):
                answer = town.tavern.ask("GET", target, headers=other.headers)
                assert answer.status == (403 if access == "admin" else 200), target
                assert [mark for mark in marks if mark.encode() in answer.body] == [], target


def test_an_administrator_sees_all_runs_where_he_asks_for_all(town: Town) -> None:
    everything = "/api/executions?scope=all"
    waiting = town.adas["waiting"].encode()
    assert waiting in town.others["root"].ask("GET", everything).body
    headers = town.others["bob"].headers
    assert town.tavern.ask("GET", everything, headers=headers).status == 403


@pytest.mark.parametrize("name", ["bob", "root"])
@pytest.mark.parametrize("with_key", [False, True], ids=["session", "key"])
def test_no_message_reaches_them(town: Town, name: str, with_key: bool) -> None:
    headers = shown(town, name, with_key=with_key)
    assert town.tavern.connect(name, **headers) == 200
    before = town.of_ada()
    payloads = messages(town.adas)
    assert payloads.keys() == realtime.access().keys()
    for kind, tried in payloads.items():
        for given in tried:
            frames = town.tavern.say({"type": kind, "payload": given}, name)
            assert_own(town, kind, frames)
    assert town.of_ada() == before


def test_events_of_a_run_reach_its_owners_sockets_alone(town: Town) -> None:
    for other in town.others.values():
        assert town.tavern.connect(other.name, **other.headers) == 200
    assert town.tavern.connect("ada", **town.ada.headers) == 200
    prompt_id = town.ada.submit("told to ada alone")
    town.tavern.work()
    assert prompt_id in str(town.tavern.frames("ada"))
    for other in town.others.values():
        assert town.tavern.frames(other.name) == []


def test_one_key_for_two_users_is_two_runs(town: Town) -> None:
    bob = town.others["bob"]
    mine = bob.submit("bob", **{"Idempotency-Key": "ada"})
    assert mine != town.adas["waiting"]
    target = f"/api/prompt/{mine}"
    assert town.tavern.ask("GET", target, headers=town.ada.headers).status == 404


def of_things() -> Iterator[tuple[str, str, Access]]:
    """The routes that name a thing of somebody's."""
    for (method, path), access in api.access().items():
        if path not in KNOWN_TO_FEW and {*parameters(path)} - NOBODYS:
            yield method, path, access


def variants(path: str, things: Things) -> list[Things]:
    """The things; of runs one that has ended, and one that waits."""
    waiting = [{**things, "prompt_id": things["waiting"]}]
    return [things, *(waiting if "prompt_id" in parameters(path) else [])]


def mixtures(path: str, own: Things, adas: Things) -> Iterator[Things]:
    """What to fill a path with: at least one thing is Ada's."""
    names = parameters(path)
    for chosen in itertools.product([adas, own], repeat=len(names)):
        if adas in chosen:
            yield {name: things[name] for name, things in zip(names, chosen, strict=True)}


def asked(owner: Owner, method: str, path: str, values: Things) -> Answer:
    """Ask for a thing."""
    body = BODIES.get((method, path), None if method in ("GET", "HEAD") else {})
    if (method, path) == IMAGE:
        sent = form(part("file", PICTURE))
        headers = {**sent["headers"], **owner.headers}
        return owner.tavern.ask(method, filled(path, values), body=sent["body"], headers=headers)
    if (method, path) == BOOK:
        body = {"lorebookId": MAKERS["lorebook_id"](owner, {})}
    return owner.tavern.ask(method, filled(path, values), json=body, headers=owner.headers)


def shown(town: Town, name: str, *, with_key: bool) -> Mapping[str, str]:
    """What somebody shows to say who he is."""
    other = town.others[name]
    if not with_key:
        return other.headers
    scopes = ("read", "write", "run", *(("admin",) if name == "root" else ()))
    return bearer(service_key(town.tavern, other.headers, *scopes))


def assert_hidden(town: Town, name: str, *, with_key: bool) -> None:
    """Somebody tries all routes with Ada's things, alone and mixed with his own."""
    headers = shown(town, name, with_key=with_key)
    other = Owner(town.tavern, town.others[name].uid, name, headers)
    own = make_things(town.others[name])
    # To make those, a worker went through all that waited.
    all_adas = {**town.adas, "waiting": town.ada.submit("not to be run")}
    before = town.of_ada()
    found = []
    for method, path, access in of_things():
        if access == "admin" and name == "root":
            continue
        expected = 403 if access == "admin" or (access == "session" and with_key) else 404
        for adas in variants(path, all_adas):
            for values in mixtures(path, own, adas):
                answer = asked(other, method, path, values)
                if answer.status != expected:
                    found.append((method, path, values, answer.status, answer.body))
    assert found == []
    assert town.of_ada() == before


def messages(adas: Things) -> Mapping[str, list[dict[str, Any]]]:
    """What each message can be sent with to ask for somebody's things."""
    runs = [{"promptId": adas["prompt_id"]}, {"promptId": adas["waiting"]}]
    place = {"projectId": adas["project_id"], "workflowId": adas["workflow_id"]}
    click = {"nodeId": "n", "buttonName": "b", "workflowId": adas["workflow_id"]}
    workflow = {"id": adas["workflow_id"], "name": "Mine", "nodes": [], "edges": []}
    own = [node("n", "core:TextMerge", inputs={"text_inputs": ["mine"]})]
    return {
        "PROMPT_REQUEST": [{**payload(own), "idempotencyKey": "ada"}],
        "INTERRUPT_REQUEST": runs,
        "FOLLOW_RUN": runs,
        "button_click": [click],
        "get_node_definitions": [{}],
        "list_workflows": [place],
        "load_workflow": [place],
        "save_workflow": [{**place, "workflow": workflow}],
    }


def assert_own(town: Town, kind: str, frames: list[dict[str, Any]]) -> None:
    """What asks for a thing of Ada's is an error; what does not tells nothing of her."""
    if kind in ("PROMPT_REQUEST", "get_node_definitions"):
        assert town.adas["waiting"] not in str(frames)
    elif kind == "button_click":
        assert frames == []
    else:
        assert [frame["type"] for frame in frames] == ["error"], (kind, frames)
        assert "ada-" not in frames[0]["payload"]["message"].replace(town.adas["project_id"], "")
