"""What an earlier version left goes on with this one, in both families."""

import hashlib
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from chalicelib.adapters.aws.documents import S3Documents
from chalicelib.adapters.aws.index import DynamoIndex
from chalicelib.adapters.aws.queue import SqsQueue
from chalicelib.adapters.aws.run_log import DynamoRunLog
from chalicelib.adapters.embedded.database import Database
from chalicelib.services.library.index_repair import IndexRepair
from chalicelib.services.library.keys import Place
from chalicelib.services.library.recycle_bin import RecycleBin
from chalicelib.services.library.workflows import Workflows
from infra.resources import ResourceNames
from tests import moto_state
from tests.builders import Types
from tests.clock import ManualClock
from tests.formats import frozen
from tests.formats.frozen import Expected
from tests.formats.scenario import (
    KEY,
    PROJECT,
    WAITING,
    Gate,
    finish,
    library_seen,
    make_types,
    seen,
)
from tests.world import ADA, World, join_world, make_world

# A format that changes is a new folder. Old ones stay: somebody's store has them.
FROZEN = {"1": "423c3f678a8cc8b92e54ab94fd228074770071e4cc985bb96232848a5367faec"}


@dataclass(frozen=True, slots=True)
class Upgraded:
    """The stores of an earlier version under the services of this one."""

    world: World
    expected: Expected


@pytest.fixture(params=frozen.FORMATS)
def number(request: pytest.FixtureRequest) -> str:
    """Every format that was ever written."""
    return str(request.param)


@pytest.fixture(params=["embedded", "aws"])
def upgraded(request: pytest.FixtureRequest, number: str) -> Upgraded:
    found: Upgraded = request.getfixturevalue(f"upgraded_{request.param}")
    return found


@pytest.fixture
def upgraded_embedded(number: str, tmp_path: Path) -> Iterator[Upgraded]:
    expected = frozen.expected(number, "embedded")
    frozen.load_embedded(number, tmp_path / "tavern.db")
    with closing(Database(tmp_path / "tavern.db")) as database:
        world = make_world(_types(), database)
        world.clock.advance(expected.now - world.clock.now())
        yield Upgraded(world, expected)


@pytest.fixture
def upgraded_aws(number: str, moto_names: ResourceNames) -> Iterator[Upgraded]:
    expected = frozen.expected(number, "aws")
    frozen.load_aws(number, moto_names)
    clock = ManualClock(expected.now)
    world = join_world(
        _types(),
        clock,
        DynamoRunLog(moto_names.executions, clock),
        S3Documents(moto_names.bucket),
        DynamoIndex(moto_names.library, clock),
        SqsQueue(moto_names.runs),
    )
    yield Upgraded(world, expected)
    moto_state.empty(moto_names)


def _types() -> Types:
    gate = Gate()
    gate.opened.set()
    return make_types(gate)


def test_fixtures_are_what_they_were_when_they_were_frozen(number: str) -> None:
    digest = hashlib.sha256()
    for file in sorted((frozen.FOLDER / number).iterdir()):
        digest.update(file.read_bytes())
    assert digest.hexdigest() == FROZEN[number]


def test_every_run_ends_as_it_would_have_ended(upgraded: Upgraded) -> None:
    finish(upgraded.world)
    assert seen(upgraded.world, upgraded.expected.ids) == upgraded.expected.runs
    assert upgraded.world.executions.list(ADA) == {"running": [], "pending": []}


@pytest.mark.parametrize("name", ["archived", "ended", "lost", "halfDone", "waiting"])
def test_every_event_of_a_run_can_be_followed_without_a_gap(upgraded: Upgraded, name: str) -> None:
    world, prompt_id = upgraded.world, upgraded.expected.ids[name]
    finish(world)
    world.executions.follow(ADA, prompt_id, world.connect("late"), 0)
    sequences = [frame["sequence"] for frame in world.sockets.frames("late")]
    assert sequences == list(range(1, len(sequences) + 1))
    assert len(sequences) > 4


def test_a_socket_hears_the_rest_of_a_half_done_run_and_nothing_twice(upgraded: Upgraded) -> None:
    world, prompt_id = upgraded.world, upgraded.expected.ids["halfDone"]
    published = world.log.header(prompt_id).published
    world.connect("here")
    finish(world)
    heard = [
        frame["sequence"]
        for frame in world.sockets.frames("here")
        if frame["payload"].get("promptId") == prompt_id
    ]
    assert heard == list(range(published + 1, published + 1 + len(heard)))


def test_ended_runs_are_readable_before_anything_else_happens(upgraded: Upgraded) -> None:
    ids = {name: upgraded.expected.ids[name] for name in ("archived", "ended")}
    runs = upgraded.expected.runs
    assert seen(upgraded.world, ids) == {name: runs[name] for name in ids}


def test_a_submission_under_a_key_that_is_known_is_still_the_same_run(upgraded: Upgraded) -> None:
    again = upgraded.world.executions.submit(ADA, WAITING, idempotency_key=KEY)
    assert again == upgraded.expected.ids["waiting"]


def test_projects_and_workflows_are_what_they_were(upgraded: Upgraded) -> None:
    assert library_seen(upgraded.world) == upgraded.expected.library


def test_a_workflow_is_saved_over_and_its_earlier_versions_and_its_fields_stay(
    upgraded: Upgraded,
) -> None:
    world = upgraded.world
    workflows = Workflows(world.documents, world.index, world.clock)
    before = workflows.get(ADA, PROJECT, "first").value
    saved = workflows.save(ADA, PROJECT, "first", {**before, "description": "changed"})
    assert saved.value["odd"] == {"kept": True}
    assert len(world.documents.versions(Place(ADA, PROJECT, "first").key)) == 3


def test_what_was_deleted_can_be_restored(upgraded: Upgraded) -> None:
    world = upgraded.world
    recycle_bin = RecycleBin(world.documents, world.index, world.clock)
    (entry,) = recycle_bin.list(ADA)
    recycle_bin.restore(ADA, entry["id"])
    names = Workflows(world.documents, world.index, world.clock).list(ADA, PROJECT)
    assert [item["name"] for item in names] == ["First", "Second"]


def test_the_lists_are_what_a_repair_would_make_of_the_objects(upgraded: Upgraded) -> None:
    world = upgraded.world
    IndexRepair(world.documents, world.index, world.clock).repair(ADA)
    assert library_seen(world) == upgraded.expected.library
