"""What an operator is told of a server that lets everybody in."""

from pathlib import Path

import pytest

from infra.local import exposure
from infra.local.settings import CannotStart
from tests.local.stack import TOY, RunningStack, eventually

LOCKED: list[dict[str, str]] = [
    {"TAVERN_ACCESS_PASSWORD": "open sesame"},
    {"TAVERN_MODE": "MultiUser"},
    {"TAVERN_MODE": "MultiUser", "TAVERN_ACCESS_PASSWORD": ""},
]
FORGOTTEN = [{"TAVERN_ACCESS_PASSWORD": ""}, {"TAVERN_ACCESS_PASSWORD": " \t "}]
REACHED = ["0.0.0.0", "::", "192.0.2.7", "2001:db8::1"]  # noqa: S104 (nothing listens)


@pytest.mark.parametrize("environment", LOCKED)
def test_what_is_locked_may_listen_anywhere(environment: dict[str, str]) -> None:
    assert [exposure.warnings(address, environment) for address in REACHED] == [[]] * 4


@pytest.mark.parametrize("environment", FORGOTTEN)
@pytest.mark.parametrize("address", REACHED)
def test_an_empty_password_stops_a_server_that_others_reach(
    address: str, environment: dict[str, str]
) -> None:
    with pytest.raises(CannotStart, match="TAVERN_ACCESS_PASSWORD is empty"):
        exposure.warnings(address, environment)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1"])
def test_on_the_machine_itself_an_empty_password_is_worth_a_warning(address: str) -> None:
    assert exposure.warnings(address, {}) == []
    for environment in FORGOTTEN:
        (warning,) = exposure.warnings(address, environment)
        assert "TAVERN_ACCESS_PASSWORD is empty" in warning


@pytest.mark.parametrize("address", REACHED)
def test_an_open_server_that_others_reach_is_worth_a_warning(address: str) -> None:
    (warning,) = exposure.warnings(address, {})
    assert address in warning
    assert "TAVERN_ACCESS_PASSWORD" in warning
    assert "TAVERN_MODE=MultiUser" in warning


@pytest.mark.stack
def test_an_open_server_that_others_reach_says_so_once(tmp_path: Path) -> None:
    everywhere = "0.0.0.0"  # noqa: S104 (for a second)
    with RunningStack(tmp_path, {**TOY, "TAVERN_HOST": everywhere}) as stack:
        stack.terminate()
        eventually(lambda: stack.log[-1:] == [""])
        assert sum("OPEN SERVER" in line for line in stack.log) == 1
