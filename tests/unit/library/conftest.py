"""The services on stores in memory."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.adapters.embedded.index import EmbeddedIndex
from tests.clock import ManualClock
from tests.unit.library.desk import Desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A desk with nothing on it."""
    clock = ManualClock()
    with closing(Database(None)) as database:
        yield Desk(EmbeddedDocuments(database, clock), EmbeddedIndex(database, clock), clock)
