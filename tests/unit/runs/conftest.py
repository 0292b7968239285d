from collections.abc import Iterator

import pytest

from chalicelib.adapters.embedded.database import Database
from tests.unit.runs.scenes import types_with
from tests.world import Gate, World, make_world


@pytest.fixture
def database() -> Iterator[Database]:
    opened = Database(None)
    yield opened
    opened.close()


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def world(database: Database, gate: Gate) -> World:
    return make_world(types_with(gate), database)
