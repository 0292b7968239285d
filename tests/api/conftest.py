"""``tavern`` is the product on the embedded family; ``either_tavern`` runs a test on both."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chalicelib import container, logs
from infra.local import moto_backend
from infra.resources import ResourceNames
from tests.api.house import House
from tests.api.people import ACCESS_PASSWORD, register
from tests.api.product import Door, Tavern
from tests.clock import ManualClock
from tests.moto_state import empty
from tests.sockets import SocketsInMemory


@pytest.fixture(scope="session")
def door() -> Iterator[Door]:
    """The way in, once for all tests."""
    opened = Door()
    logs.configure("ERROR")
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what a test sets itself; it is done before other fixtures set theirs."""
    for name in os.environ:
        if name.startswith("TAVERN_") or name == "BACKEND":
            monkeypatch.delenv(name)
    monkeypatch.setenv("TAVERN_WORKERS", "2")


@pytest.fixture
def tavern(door: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tavern]:
    """The product on one SQLite file."""
    monkeypatch.setenv("TAVERN_DATA_DIR", str(tmp_path / "data"))
    with _fresh(door) as made:
        yield made


@pytest.fixture(scope="package")
def moto_names() -> Iterator[ResourceNames]:
    """Moto, once for all tests on it."""
    with moto_backend.running("test") as names:
        yield names


@pytest.fixture
def aws_tavern(
    door: Door, moto_names: ResourceNames, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Tavern]:
    """The product on the AWS family, over moto with nothing in it."""
    monkeypatch.setenv("BACKEND", "aws")
    monkeypatch.setenv("TAVERN_STAGE", "test")
    monkeypatch.setenv("TAVERN_BUCKET", moto_names.bucket)
    with _fresh(door) as made:
        yield made
    empty(moto_names)


@pytest.fixture(params=["embedded", "aws"])
def either_tavern(request: pytest.FixtureRequest) -> Tavern:
    """The product on each family."""
    name = "tavern" if request.param == "embedded" else "aws_tavern"
    made: Tavern = request.getfixturevalue(name)
    return made


@pytest.fixture
def accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many users; anybody may register."""
    monkeypatch.setenv("TAVERN_MODE", "MultiUser")
    monkeypatch.setenv("TAVERN_REGISTRATION", "open")


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> None:
    """One user, with a password."""
    monkeypatch.setenv("TAVERN_ACCESS_PASSWORD", ACCESS_PASSWORD)


@pytest.fixture
def many(accounts: None, tavern: Tavern) -> Tavern:
    """With accounts, and the first made: root."""
    register(tavern, "root")
    return tavern


@pytest.fixture
def either_many(accounts: None, either_tavern: Tavern) -> Tavern:
    """On both families, the first account made."""
    code = container.invites().create(admin=True)
    register(either_tavern, "root", inviteCode=code)
    return either_tavern


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, either_tavern: Tavern) -> House:
    """The product with the accounts of ada, its administrator, and eve, on each family."""
    monkeypatch.setenv("TAVERN_MODE", "MultiUser")
    monkeypatch.setenv("TAVERN_REGISTRATION", "open")
    clock = ManualClock(time.time())
    either_tavern.start_anew(clock)
    register(either_tavern, "ada", inviteCode=container.invites().create(admin=True))
    register(either_tavern, "eve")
    return House(either_tavern, clock)


@contextmanager
def _fresh(door: Door) -> Iterator[Tavern]:
    container.close()
    sockets = SocketsInMemory()
    container.use(sockets)
    try:
        yield Tavern(door, sockets)
    finally:
        container.close()
