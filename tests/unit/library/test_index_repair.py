"""A repaired index is the one that normal use makes."""

from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.adapters.embedded.index import EmbeddedIndex
from chalicelib.errors import TavernError
from chalicelib.ports import Entry, Index, Remove
from chalicelib.services.library.index_repair import Repaired
from tests.clock import ManualClock
from tests.unit.library.desk import ADA, BOB, Desk, group

PROJECTS = ("Novel", "夜/1")
PARTITIONS = ("ada#projects", "ada#project#Novel", "ada#project#夜_1")
Step = tuple[str, str, str, str]

steps = st.tuples(
    st.sampled_from(
        ["create", "add", "add", "save", "save", "drop", "delete", "restore", "remove", "version"]
    ),
    st.sampled_from(["Novel", "夜_1"]),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["One", "Two", "Three"]),
)


def take(desk: Desk, step: Step) -> None:
    """One thing that a user does."""
    act, project, workflow_id, name = step
    desk.clock.advance(1)
    draft = {"name": name, "interfaceInputs": {name: {}}, "nodes": [group("g", "a")]}
    entries = desk.bin.list(ADA)
    match act:
        case "create":
            desk.projects.create(ADA, {"name": PROJECTS[project != "Novel"]})
        case "add":
            desk.workflows.create(ADA, project, {**draft, "id": workflow_id})
        case "save":
            desk.workflows.save(ADA, project, workflow_id, draft)
        case "drop":
            desk.workflows.delete(ADA, project, workflow_id)
        case "delete":
            desk.projects.delete(ADA, project)
        case "version":
            oldest = desk.workflows.versions(ADA, project, workflow_id)[-1]
            desk.workflows.restore_version(ADA, project, workflow_id, oldest["version"])
        case "restore" if entries:
            desk.bin.restore(ADA, entries[len(name) % len(entries)]["id"])
        case "remove" if entries:
            desk.bin.remove(ADA, entries[len(name) % len(entries)]["id"])


def rows(index: Index) -> dict[str, list[Entry]]:
    """All rows of Ada's projects."""
    return {partition: list(index.query(partition).entries) for partition in PARTITIONS}


@contextmanager
def new_desk() -> Iterator[Desk]:
    clock = ManualClock()
    with closing(Database(None)) as database:
        yield Desk(EmbeddedDocuments(database, clock), EmbeddedIndex(database, clock), clock)


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=30))
def test_rebuilt_from_nothing_it_is_the_same(history: list[Step]) -> None:
    with new_desk() as desk:
        desk.projects.create(ADA, {"name": "Novel"})
        for step in history:
            with suppress(TavernError):
                take(desk, step)
        before = rows(desk.index)
        for entries in before.values():
            for entry in entries:
                desk.index.write(Remove(entry.partition, entry.key))
        desk.repair.repair(ADA)
        assert rows(desk.index) == before


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=30))
def test_where_nothing_is_wrong_nothing_is_written(history: list[Step]) -> None:
    with new_desk() as desk:
        desk.projects.create(ADA, {"name": "Novel"})
        for step in history:
            with suppress(TavernError):
                take(desk, step)
        repaired = desk.repair.repair(ADA)
        assert (repaired.written, repaired.removed) == (0, 0)


def test_it_tells_what_it_found_and_did(desk: Desk) -> None:
    desk.workflow(desk.project(), "Chapter")
    for entry in desk.index.query("ada#project#Novel").entries:
        desk.index.write(Remove(entry.partition, entry.key))
    assert desk.repair.repair(ADA) == Repaired(projects=1, workflows=1, written=3, removed=0)


def test_every_user_with_an_object_is_found(desk: Desk) -> None:
    desk.project("Novel", BOB)
    desk.project("Novel", ADA)
    desk.project("Other", ADA)
    assert list(desk.repair.users()) == [ADA, BOB]


def test_the_users_that_follow_one_are_found_without_him(desk: Desk) -> None:
    users = ["ada", "ada-2", "ada0", "bob", "å"]
    for uid in users:
        desk.project("Novel", uid)
    ordered = list(desk.repair.users())
    assert sorted(ordered) == users
    for position, uid in enumerate(ordered):
        assert list(desk.repair.users(after=uid)) == ordered[position + 1 :]


def test_objects_that_are_no_documents_are_left_alone(desk: Desk) -> None:
    desk.project()
    strange = [
        "users/ada/projects/Novel/workflows/broken.json",
        "users/ada/projects/Novel/workflows/list.json",
        "users/ada/projects/Novel/notes.txt",
        "users/ada/projects/Novel/workflows/deep/er.json",
        "users/ada/projects/a|b/project.json",
    ]
    for key, body in zip(strange, [b"{", b"[]", b"x", b"{}", b"{}"], strict=True):
        desk.documents.put(key, body)
    assert desk.repair.repair(ADA) == Repaired(projects=1, workflows=0, written=0, removed=0)
    assert set(strange) <= set(desk.documents.keys(""))


def test_a_document_that_was_copied_into_the_store_is_listed_and_usable(desk: Desk) -> None:
    desk.project()
    desk.documents.put("users/ada/projects/Novel/workflows/copied.json", b'{"nodes": 5}')
    desk.documents.put("users/ada/projects/Novel/workflows/named.json", b'{"name": "Named"}')
    desk.repair.repair(ADA)
    assert desk.names("Novel") == ["", "Named"]
    desk.workflows.save(ADA, "Novel", "copied", {"name": "Mine"})
    desk.workflows.delete(ADA, "Novel", "copied")
    desk.bin.restore(ADA, desk.bin_id())
    assert desk.names("Novel") == ["Mine", "Named"]


def test_of_two_with_one_name_the_one_that_holds_it_keeps_it(desk: Desk) -> None:
    desk.workflow(desk.project(), "Copied", id="z")
    body = b'{"name": "Copied", "createdAt": "2020-01-01T00:00:00.000Z"}'
    desk.documents.put("users/ada/projects/Novel/workflows/a.json", body)
    desk.documents.put("users/ada/projects/Novel/workflows/b.json", body)
    desk.repair.repair(ADA)
    listed = {each["id"]: each["name"] for each in desk.workflows.list(ADA, "Novel")}
    assert listed == {"z": "Copied", "a": "Copied (2)", "b": "Copied (3)"}


def test_a_listed_document_that_was_hidden_comes_back(desk: Desk) -> None:
    workflow_id = desk.workflow(desk.project(), "Chapter")
    desk.documents.delete(f"users/ada/projects/Novel/workflows/{workflow_id}.json")
    desk.repair.repair(ADA)
    assert desk.workflows.get(ADA, "Novel", workflow_id).value["name"] == "Chapter"
    assert desk.repair.repair(ADA).written == 0
