"""What every RunLog does when many write at once."""

from itertools import pairwise
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.errors import LogMovedOn
from chalicelib.ports import Batch, Idempotency, RunLog
from tests.contracts.race import race, winners
from tests.contracts.runs import a_batch, a_key, a_run


@pytest.mark.parametrize("header", [None, {"status": "running"}], ids=["alone", "with header"])
def test_of_racing_appends_one_wins(log: RunLog, header: dict[str, object] | None) -> None:
    log.create(a_run(), a_batch(1))

    def claim(number: int) -> None:
        changes = header and {**header, "writer": f"w{number}"}
        log.append("run-1", a_batch(2, writer=f"w{number}"), header=changes)

    outcomes = race(8, claim)
    (winner,) = winners(outcomes)
    assert sum(isinstance(outcome, LogMovedOn) for outcome in outcomes) == 7
    run, batches = log.load("run-1")
    assert batches == [a_batch(1), a_batch(2, writer=f"w{winner}")]
    assert run.writer == (f"w{winner}" if header else None)


def test_of_racing_submissions_under_one_key_one_is_accepted(log: RunLog) -> None:
    def submit(number: int) -> Idempotency | None:
        prompt_id = f"run-{number}"
        return log.create(a_run(prompt_id), a_batch(1), a_key(prompt_id))

    outcomes = race(8, submit)
    accepted = outcomes.index(None)
    assert outcomes.count(None) == 1
    assert outcomes.count(a_key(f"run-{accepted}")) == 7
    assert [run.prompt_id for run in log.active()] == [f"run-{accepted}"]


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["w1", "w2"]), st.integers(1, 4), st.booleans()), max_size=12
    )
)
def test_two_writers_in_any_order_lose_double_or_reorder_no_event(
    log: RunLog, steps: list[tuple[str, int, bool]]
) -> None:
    """Each writer appends after what it last saw; one that lost reads the tail, or retries."""
    prompt_id = f"run-{uuid4()}"
    log.create(a_run(prompt_id))
    seen = {"w1": 0, "w2": 0}
    committed: list[Batch] = []
    for writer, count, retries in steps:
        batch = a_batch(seen[writer] + 1, count, writer=writer)
        try:
            log.append(prompt_id, batch)
            if retries:
                log.append(prompt_id, batch)
        except LogMovedOn:
            for missed in log.tail(prompt_id, seen[writer]):
                seen[writer] = missed.last
        else:
            committed.append(batch)
            seen[writer] = batch.last
    batches = log.load(prompt_id)[1]
    assert batches == committed
    assert [batch.first for batch in batches[:1]] == [1][: len(batches)]
    assert all(later.first == earlier.last + 1 for earlier, later in pairwise(batches))


def test_two_racing_writers_make_one_gapless_log(log: RunLog) -> None:
    log.create(a_run())

    def write(number: int) -> int:
        position, won = 0, 0
        while won < 10:
            try:
                log.append("run-1", a_batch(position + 1, 2, writer=f"w{number}"))
            except LogMovedOn:
                position = log.tail("run-1", position)[-1].last
            else:
                position += 2
                won += 1
        return won

    assert race(2, write) == [10, 10]
    batches = log.load("run-1")[1]
    assert [batch.first for batch in batches] == list(range(1, 41, 2))
    assert [batch.writer for batch in batches].count("w0") == 10
