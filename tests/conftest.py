"""What holds for all tests."""

import gc
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes says more of the machine than of what is tested.
settings.register_profile(
    "any machine", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave what is there before the first test out of every later search for garbage.

    Thousands of tests and the models of moto are a heap that takes a third of a second
    to look through, and none of it is ever garbage.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    """Commands that are run within a test may make theirs stricter; the next has its own."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)
