"""What holds for all tests."""

import gc

import pytest


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave what is there before the first test out of every later search for garbage.

    Thousands of tests and the models of moto are a heap that takes a third of a second
    to look through, and none of it is ever garbage.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
