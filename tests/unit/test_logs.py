"""What is written to the log."""

import gc
import io
import json
import logging
import sys
from typing import Any

import pytest

from chalicelib import logs

WORD = "word-of-test-logs"
"""No other test keeps it secret: runs of theirs may still hide what they used."""


class Hidden:
    """Hides one word."""

    def __init__(self, word: str) -> None:
        self._word = word

    def line(self, text: str) -> str:
        return text.replace(self._word, "***")


def line_of(message: str, *arguments: object, **extra: object) -> dict[str, Any]:
    """The line that is written for a record; pytest's own handlers do not see it."""
    stream = io.StringIO()
    handler = logs.LineHandler(stream)
    handler.setFormatter(logs.JsonFormatter())
    logger = logging.getLogger("told")
    failure = sys.exc_info() if sys.exc_info()[0] else None
    handler.handle(
        logger.makeRecord(
            "told", logging.WARNING, "told.py", 7, message, arguments, failure, extra=extra
        )
    )
    line: dict[str, Any] = json.loads(stream.getvalue())
    return line


def test_what_is_hidden_is_in_no_part_of_a_line() -> None:
    hidden = Hidden(WORD)
    logs.hide(hidden)
    try:
        raise ValueError(WORD)
    except ValueError:
        line = line_of("open %s", WORD, door=[WORD])
    assert (line["message"], line["door"]) == ("open ***", ["***"])
    assert line["exception"].endswith("ValueError: ***")


def test_a_record_that_is_wrong_leaves_a_line_without_its_arguments(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert line_of("%d doors", WORD) == {
        "level": "ERROR",
        "logger": "told",
        "message": "A record could not be logged (TypeError)",
        "at": "told.py:7",
    }
    assert capsys.readouterr().err == ""


def test_what_was_hidden_is_forgotten_with_its_run() -> None:
    hidden = Hidden(WORD)
    logs.hide(hidden)
    del hidden
    gc.collect()
    assert line_of(WORD)["message"] == WORD
