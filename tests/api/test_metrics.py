"""Metrics of the product on each family, as its entry points leave them."""

import json
from typing import Any

import pytest

from tests.api.bodies import RUN
from tests.api.product import Tavern


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The lines on standard output since the last look."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_on_aws_a_workers_turn_is_one_line_of_standard_output(
    aws_tavern: Tavern, capsys: pytest.CaptureFixture[str]
) -> None:
    aws_tavern.connect()
    prompt_id = aws_tavern.submit(RUN)
    printed(capsys)
    aws_tavern.work()
    (line,) = printed(capsys)
    assert (line["Stage"], line["promptId"], line["Status"]) == ("test", prompt_id, "complete")
    assert (line["RunsStarted"], line["RunsEnded"]) == (1, 1)
    assert line["FramesSent"] == len(aws_tavern.frames())


def test_on_aws_an_interrupt_of_a_waiting_run_is_one_line(
    aws_tavern: Tavern, capsys: pytest.CaptureFixture[str]
) -> None:
    prompt_id = aws_tavern.submit(RUN)
    printed(capsys)
    assert aws_tavern.ask("POST", f"/api/interrupt/{prompt_id}").status == 200
    aws_tavern.work()
    (line,) = printed(capsys)
    assert (line["promptId"], line["Status"], line["RunsEnded"]) == (prompt_id, "interrupted", 1)


def test_on_one_machine_nothing_is_printed(
    tavern: Tavern, capsys: pytest.CaptureFixture[str]
) -> None:
    tavern.connect()
    tavern.submit(RUN)
    tavern.work()
    assert printed(capsys) == []
