"""Worker processes: nothing that is queued is lost, whoever dies."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from tests.local.stack import TOY, RunningStack, alive, eventually, took

pytestmark = pytest.mark.stack


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[RunningStack]:
    with RunningStack(tmp_path, TOY) as stack:
        yield stack


def submit(stack: RunningStack, name: str, **job: object) -> None:
    httpx.post(f"{stack.url}/api/jobs", json={"id": name, **job}).raise_for_status()


def times(stack: RunningStack, what: str, name: str) -> int:
    return sum(record["job"]["id"] == name for record in stack.records(what))


def test_a_job_is_done_once_in_another_process(toy: RunningStack) -> None:
    submit(toy, "plain")
    eventually(lambda: times(toy, "done", "plain"))
    assert times(toy, "began", "plain") == 1
    assert next(r for r in toy.records("done") if r["job"]["id"] == "plain")["pid"] != toy.pid


def test_a_worker_reaches_the_sockets(toy: RunningStack) -> None:
    with connect(toy.ws_url) as client:
        client.send("{}")
        identifier = json.loads(client.recv())["id"]
        submit(toy, "to-socket", connection=identifier)
        assert json.loads(client.recv(timeout=10))["id"] == "to-socket"


def test_workers_run_jobs_at_once(toy: RunningStack) -> None:
    with took(at_most=3.0):
        submit(toy, "long-1", seconds=1.5)
        submit(toy, "long-2", seconds=1.5)
        eventually(lambda: times(toy, "done", "long-1") and times(toy, "done", "long-2"))


def test_a_job_that_fails_is_tried_again_later(toy: RunningStack) -> None:
    submit(toy, "failing", fails=1)
    eventually(lambda: times(toy, "done", "failing"))
    assert times(toy, "began", "failing") == 2


def test_the_job_of_a_dead_worker_is_delivered_again_at_once(stack: RunningStack) -> None:
    with took(at_most=5.0):  # its visibility time-out is a minute
        submit(stack, "deadly", dies=1)
        eventually(lambda: times(stack, "done", "deadly"))
    assert times(stack, "began", "deadly") == 2
    eventually(lambda: len(stack.workers()) == 2)


def test_a_killed_worker_is_replaced_and_its_job_given_to_another(stack: RunningStack) -> None:
    submit(stack, "long", seconds=2)
    eventually(lambda: stack.records("began"))
    os.kill(stack.records("began")[0]["pid"], signal.SIGKILL)
    eventually(lambda: times(stack, "done", "long"))
    eventually(lambda: len(stack.workers()) == 2)


def test_a_job_that_kills_every_worker_becomes_a_dead_letter(stack: RunningStack) -> None:
    submit(stack, "poison", dies=100)
    eventually(lambda: times(stack, "dead", "poison"), seconds=20)
    assert times(stack, "began", "poison") == 3
    submit(stack, "after")
    eventually(lambda: times(stack, "done", "after"), seconds=20)


def test_workers_end_with_a_killed_supervisor(stack: RunningStack) -> None:
    submit(stack, "long", seconds=60)
    eventually(lambda: stack.records("began"))
    workers = stack.workers()
    stack.kill()
    eventually(lambda: not any(alive(worker) for worker in workers))


def test_what_was_in_flight_at_a_crash_is_delivered_again_at_once(stack: RunningStack) -> None:
    submit(stack, "long", seconds=2)
    eventually(lambda: stack.records("began"))
    stack.restart()
    eventually(lambda: times(stack, "done", "long"))
    assert times(stack, "began", "long") == 2


def test_what_was_queued_at_a_crash_is_done_after_it(tmp_path: Path) -> None:
    with RunningStack(tmp_path, {**TOY, "TAVERN_WORKERS": "0"}) as stack:
        submit(stack, "patient")
    with RunningStack(tmp_path, TOY) as stack:
        eventually(lambda: times(stack, "done", "patient"))


def test_a_job_that_sees_the_stop_hands_over(stack: RunningStack) -> None:
    submit(stack, "long", seconds=60)
    eventually(lambda: stack.records("began"))
    with took(at_most=4.0):
        assert stack.terminate() == 0
    assert times(stack, "done", "long") == 1
    stack.start()
    eventually(lambda: times(stack, "done", "long") == 2)
    assert stack.records("done")[-1]["job"]["handedOver"]


def test_a_job_that_does_not_see_the_stop_is_given_back(stack: RunningStack) -> None:
    submit(stack, "deaf", deaf=8)
    eventually(lambda: stack.records("began"))
    with took(at_most=8.0):
        assert stack.terminate() == 0
    stack.start()
    eventually(lambda: times(stack, "began", "deaf") == 2)


def test_idle_workers_are_renewed_when_the_nodes_were_reloaded(stack: RunningStack) -> None:
    before = set(stack.workers())
    (stack.data_dir / "generation").write_text("1")
    eventually(lambda: len(stack.workers()) == 2 and not before & set(stack.workers()))
    submit(stack, "fresh")
    eventually(lambda: times(stack, "done", "fresh"))
    assert not any("died" in line for line in stack.log)


def test_a_worker_told_to_end_finishes_its_job_and_is_replaced(stack: RunningStack) -> None:
    submit(stack, "short", seconds=1)
    eventually(lambda: stack.records("began"))
    worker = stack.records("began")[0]["pid"]
    os.kill(worker, signal.SIGTERM)
    eventually(lambda: times(stack, "done", "short") and not alive(worker))
    eventually(lambda: len(stack.workers()) == 2)


def test_the_sweeper_runs_at_the_start_and_then_by_the_clock(tmp_path: Path) -> None:
    with RunningStack(tmp_path, {**TOY, "TAVERN_SWEEP_SECONDS": "0.2"}) as stack:
        assert stack.records("sweep")
        eventually(lambda: len(stack.records("sweep")) >= 3)
