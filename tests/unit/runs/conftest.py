from collections.abc import Iterator

import pytest

from chalicelib.adapters.embedded.database import Database


@pytest.fixture
def database() -> Iterator[Database]:
    opened = Database(None)
    yield opened
    opened.close()
