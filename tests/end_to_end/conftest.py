"""The product whole: on one machine over either family, and as a stage on the emulator."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.emulator import Emulator
from tests.end_to_end.people import invitation, register, register_first
from tests.end_to_end.stage import PACKS, Stage, build
from tests.local.client import Client
from tests.local.stack import RunningStack

EMULATED = pytest.param("emulated", marks=pytest.mark.emulated)


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulated AWS account."""
    with Emulator(tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What deploys to each stage."""
    return build(tmp_path_factory.mktemp("packaged"), ("dev", "prod"))


@pytest.fixture(scope="session")
def dev(emulator: Emulator, packaged: Path, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """The stage ``dev``, deployed; open, so that what needs no accounts is tested without."""
    folder = tmp_path_factory.mktemp("dev")
    stage = Stage("dev", emulator, packaged, folder, {"TAVERN_MODE": "SingleUser"})
    stage.deploy()
    return stage


@pytest.fixture(scope="session")
def prod(emulator: Emulator, packaged: Path, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A second stage in the same account, deployed: with accounts, and data that outlives it."""
    stage = Stage("prod", emulator, packaged, tmp_path_factory.mktemp("prod"))
    stage.deploy()
    return stage


@pytest.fixture(scope="session", params=["embedded", "moto", EMULATED])
def url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The public address of the product, in each of its forms in turn."""
    if request.param == "emulated":
        stage: Stage = request.getfixturevalue("dev")
        with stage.edge() as edge:
            yield edge.url
        return
    environment = {"TAVERN_NODE_PATHS": str(PACKS), "BACKEND": request.param}
    with RunningStack(tmp_path_factory.mktemp("data"), environment) as running:
        yield running.url
        assert running.terminate() == 0


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    """A client with an open socket."""
    with Client(url) as connected:
        yield connected


@dataclass(frozen=True)
class House:
    """The product with accounts: its address, how one is invited, and its administrator."""

    url: str
    invite: Callable[[], str | None]
    administrator: str

    def guest(self, name: str) -> str:
        """Make another account; the token of its session."""
        return register(self.url, name, self.invite())


@pytest.fixture(scope="session", params=["embedded", "moto", EMULATED])
def house(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """The product for many users, in each of its forms in turn."""
    if request.param == "emulated":
        stage: Stage = request.getfixturevalue("prod")
        first = register_first(stage)
        with stage.edge() as edge:
            yield House(edge.url, lambda: invitation(stage), first)
        return
    environment = {
        "TAVERN_NODE_PATHS": str(PACKS),
        "TAVERN_MODE": "MultiUser",
        "TAVERN_REGISTRATION": "open",
        "BACKEND": request.param,
    }
    with RunningStack(tmp_path_factory.mktemp("data"), environment) as running:
        yield House(running.url, lambda: None, register(running.url, "Ada", None))
        assert running.terminate() == 0
