"""``tavern`` is the product on the embedded family; ``either_tavern`` runs a test on both."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chalicelib import container, logs
from infra.local import moto_backend
from tests.api.product import Door, Tavern
from tests.sockets import SocketsInMemory


@pytest.fixture(scope="session")
def door() -> Iterator[Door]:
    """The way in, once for all tests."""
    opened = Door()
    logs.configure("ERROR")
    yield opened
    opened.close()


@pytest.fixture
def tavern(door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tavern]:
    """The product on one SQLite file."""
    _only_the_environment_of_tests(monkeypatch)
    monkeypatch.setenv("TAVERN_DATA_DIR", str(tmp_path / "data"))
    with _fresh(door) as made:
        yield made


@pytest.fixture
def aws_tavern(door: Door, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tavern]:
    """The product on the AWS family, over moto."""
    _only_the_environment_of_tests(monkeypatch)
    with moto_backend.running("test"):
        monkeypatch.setenv("BACKEND", "aws")
        monkeypatch.setenv("TAVERN_STAGE", "test")
        with _fresh(door) as made:
            yield made


@pytest.fixture(params=["embedded", "aws"])
def either_tavern(request: pytest.FixtureRequest) -> Tavern:
    """The product on each family."""
    name = "tavern" if request.param == "embedded" else "aws_tavern"
    made: Tavern = request.getfixturevalue(name)
    return made


def _only_the_environment_of_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in os.environ:
        if name.startswith("TAVERN_") or name == "BACKEND":
            monkeypatch.delenv(name)
    monkeypatch.setenv("TAVERN_WORKERS", "2")


@contextmanager
def _fresh(door: Door) -> Iterator[Tavern]:
    container.close()
    sockets = SocketsInMemory()
    container.use(sockets)
    try:
        yield Tavern(door, sockets)
    finally:
        container.close()
