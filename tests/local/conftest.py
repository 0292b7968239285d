"""The toy stack, once for all tests that only talk to it."""

from collections.abc import Iterator

import pytest

from tests.local.stack import TOY, RunningStack


@pytest.fixture(scope="package")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack around the toy product; tests leave it as it was."""
    with RunningStack(tmp_path_factory.mktemp("toy"), {**TOY, "TAVERN_LOG": "debug"}) as stack:
        yield stack
