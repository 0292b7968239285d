"""What runs without a client: a run's turn, the sweep, the end of what was tried too often."""

import logging
from collections.abc import Callable
from typing import Any

from chalicelib import container, logs
from chalicelib.errors import InvalidInput
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
    try:
        closed = container.revocations().sweep()
    finally:  # neither keeps the other from its work
        counts = container.sweeper().sweep(grace=float(grace))
    _logger.info("swept", extra={**counts, "closed": closed})


def _prompt_id(body: str) -> str | None:
    try:
        return prompt_id_of(body)
    except InvalidInput:
        # Nobody but us writes to the queue; redelivery would not make it better.
        _logger.exception("A message of the queue names no run")
        return None
