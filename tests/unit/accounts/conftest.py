"""A desk with nobody at it."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from chalicelib.adapters.embedded.database import Database
from tests.unit.accounts.desk import Desk, make_desk


@pytest.fixture
def desk() -> Iterator[Desk]:
    """Accounts, in memory."""
    with closing(Database(None)) as database:
        yield make_desk(database)
