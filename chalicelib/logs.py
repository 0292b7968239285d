"""Structured logs: one JSON object a line, with the request or run that it is about."""

import json
import logging
import sys
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import Any, Protocol, TextIO

request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

_hiding = threading.Lock()
_hidden: tuple["weakref.ref[Hides]", ...] = ()

_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class Hides(Protocol):
    """What keeps texts out of lines."""

    def line(self, text: str) -> str:
        """A line of JSON without them."""
        ...


class JsonFormatter(logging.Formatter):
    """A record as JSON: time, level, logger, message, request id, and its ``extra`` fields."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": self._time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (current := request_id.get()) is not None:
            line["requestId"] = current
        line |= {key: value for key, value in vars(record).items() if key not in _PLAIN}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return self.dump(line)

    @staticmethod
    def dump(line: Mapping[str, Any]) -> str:
        """The line, without what is hidden."""
        return _without_hidden(json.dumps(line, ensure_ascii=False, default=str))

    def _time(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        return f"{moment}.{int(record.msecs):03d}Z"


class LineHandler(logging.StreamHandler[TextIO]):
    """Writes lines. A record that cannot be one leaves a line that says so.

    logging itself would print the record's arguments as they are.
    """

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        error = sys.exc_info()[0]
        line = {
            "level": "ERROR",
            "logger": record.name,
            "message": f"A record could not be logged ({error.__name__ if error else 'unknown'})",
            "at": f"{record.pathname}:{record.lineno}",
        }
        with suppress(OSError, ValueError):  # the stream is closed: nobody reads it any more
            self.stream.write(JsonFormatter.dump(line) + self.terminator)


def configure(level: str = "INFO") -> None:
    """Send everything to standard error as JSON lines; in Lambda that is CloudWatch."""
    handler = LineHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for noisy in ("boto3", "botocore", "urllib3", "s3transfer"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


@contextmanager
def about(identifier: str) -> Iterator[None]:
    """Name the request that what is logged inside belongs to."""
    token = request_id.set(identifier)
    try:
        yield
    finally:
        request_id.reset(token)


def hide(what: Hides) -> None:
    """Keep texts out of all lines of this process for as long as ``what`` lives.

    That is for as long as anything of its run is left, such as a thread of a node
    that was cancelled: it may still log.
    """
    global _hidden
    with _hiding:
        alive = (reference for reference in _hidden if reference() is not None)
        _hidden = (*alive, weakref.ref(what))


def _without_hidden(line: str) -> str:
    for reference in _hidden:
        if (hides := reference()) is not None:
            line = hides.line(line)
    return line
