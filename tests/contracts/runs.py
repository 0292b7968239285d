"""Runs and what belongs to them, as the tests of logs write them."""

from chalicelib import json_text
from chalicelib.ports import Batch, Idempotency, Run

NOW = 1_800_000_000_000


def a_run(prompt_id: str = "run-1", *, status: str = "queued", owner: str = "ada") -> Run:
    """One as it is submitted."""
    return Run(prompt_id, owner, status, NOW)


def a_batch(first: int, count: int = 1, *, writer: str = "api") -> Batch:
    """So many events, from the first on."""
    events = [{"sequence": first + offset, "writer": writer} for offset in range(count)]
    return Batch(first, count, json_text.dumps(events), writer)


def a_key(prompt_id: str = "run-1", *, digest: str = "d1") -> Idempotency:
    """An idempotency key of ada's."""
    return Idempotency("ada", "my key/é", digest, prompt_id, 1_800_086_400)
