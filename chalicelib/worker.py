"""What runs without a client: a run's turn, the sweep, the end of what was tried too often."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

from chalicelib import container, logs
from chalicelib.errors import InvalidInput
from chalicelib.services.imports.dispatch import named_in
from chalicelib.services.runs.dispatch import deferred_of, prompt_id_of, published_of
from chalicelib.services.runs.sweeper import DISPATCH_GRACE_SECONDS

_logger = logging.getLogger("chalicelib.worker")
# What is left of the time-out when a run is handed over to the next invocation.
_HAND_OVER_SECONDS = 60.0


def run_execution(event: dict[str, Any], remaining_milliseconds: Callable[[], int]) -> None:
    """Bring on the run that a message of the queue names; raises to have it redelivered."""

    def time_left() -> float:
        return remaining_milliseconds() / 1000 - _HAND_OVER_SECONDS

    for record in event["Records"]:
        prompt_id = _prompt_id(record["body"])
        if prompt_id is None:
            continue
        received = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
        with logs.about(prompt_id):
            container.runner().run(
                prompt_id,
                redelivered=received > 1,
                time_left=time_left,
                published=published_of(record["body"]),
                deferred=deferred_of(record["body"]),
            )


def import_library(event: dict[str, Any], remaining_milliseconds: Callable[[], int]) -> None:
    """Bring on the import that a message of the queue names; raises to have it redelivered."""

    def time_left() -> float:
        return remaining_milliseconds() / 1000 - _HAND_OVER_SECONDS

    for uid, import_id, received in _imports(event):
        with logs.about(import_id):
            container.import_worker().work(
                uid, import_id, redelivered=received > 1, time_left=time_left
            )


def dead_import(event: dict[str, Any]) -> None:
    """End the imports of messages that were received too often."""
    reason = f"It was tried {container.MAX_RECEIVES} times, and every worker was lost"
    for uid, import_id, _ in _imports(event):
        with logs.about(import_id):
            container.import_ending().dead_letter(uid, import_id, reason)


def dead_letter(event: dict[str, Any]) -> None:
    """End the runs of messages that were received too often."""
    for record in event["Records"]:
        prompt_id = _prompt_id(record["body"])
        if prompt_id is not None:
            with logs.about(prompt_id):
                reason = f"It was tried {container.MAX_RECEIVES} times, and every worker was lost"
                container.sweeper().dead_letter(prompt_id, reason)


def sweep(event: dict[str, Any]) -> None:
    """Close the sockets of who is nobody any more, and mend what nobody works on.

    A start asks for no grace: nobody else is at work then.
    """
    grace = (event.get("detail") or {}).get("graceSeconds", DISPATCH_GRACE_SECONDS)
    with ExitStack() as others:  # none keeps the others from its work
        others.callback(_sweep_runs, float(grace))
        others.callback(_sweep_imports, float(grace))
        _logger.info("swept sockets", extra={"closed": container.revocations().sweep()})


def _sweep_runs(grace: float) -> None:
    _logger.info("swept", extra=container.sweeper().sweep(grace=grace))


def _sweep_imports(grace: float) -> None:
    _logger.info("swept imports", extra={"mended": container.import_ending().sweep(grace=grace)})


def _imports(event: dict[str, Any]) -> Iterator[tuple[str, str, int]]:
    """The imports that messages name, each with how often it was received."""
    for record in event["Records"]:
        try:
            uid, import_id = named_in(record["body"])
        except InvalidInput:  # as below
            _logger.exception("A message of the queue names no import")
            continue
        yield uid, import_id, int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))


def _prompt_id(body: str) -> str | None:
    try:
        return prompt_id_of(body)
    except InvalidInput:
        # Nobody but us writes to the queue; redelivery would not make it better.
        _logger.exception("A message of the queue names no run")
        return None
