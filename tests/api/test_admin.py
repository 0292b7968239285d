"""What operators can ask for, through the function that they invoke, on both families."""

from collections.abc import Callable, Mapping
from itertools import count
from typing import Any

import pytest

from app import operate
from chalicelib import admin, container
from chalicelib.engine import events
from chalicelib.ports import Depth, Remove
from chalicelib.services.frames import event_batch
from infra.local.events import InvocationContext
from tests.api.product import Tavern
from tests.builders import node, payload

RUN = payload([node("n", "core:TextMerge", inputs={"text_inputs": ["a", "b"]})])
USER = "default_user"


def document(command: str, **arguments: str | int) -> dict[str, Any]:
    """What the function answers."""
    question = {"command": command, "arguments": arguments}
    answer: dict[str, Any] = operate(question, InvocationContext("admin", 900))
    return answer


def rows(command: str, **arguments: str | int) -> list[dict[str, Any]]:
    """The rows of an answer that is no error."""
    answer = document(command, **arguments)
    assert "error" not in answer, answer
    found: list[dict[str, Any]] = answer["rows"]
    return found


def refused(command: str, **arguments: str | int) -> tuple[str, str]:
    """The kind and the words of a refusal."""
    error = document(command, **arguments)["error"]
    return error["kind"], error["message"]


def lose_worker(prompt_id: str, *, attempts: int = 1) -> None:
    """A worker took the run and its message, and is gone."""
    log, queue = container.run_log(), container.queue()
    message = queue.receive()
    assert message is not None
    queue.delete(message.receipt)
    log.append(prompt_id, event_batch(1, events.status("running"), "lost"))
    header = {"status": "running", "writer": "lost", "attempts": attempts, "lease_until": 1.0}
    log.update(prompt_id, header)


def hold(prompt_id: str) -> None:
    """A worker is at it."""
    lease = container.clock().now() + 30
    changes = {"status": "running", "writer": "alive", "lease_until": lease}
    container.run_log().update(prompt_id, changes)


def status(tavern: Tavern, prompt_id: str) -> dict[str, Any]:
    """The run as its user sees it."""
    found: dict[str, Any] = tavern.ask("GET", f"/api/prompt/{prompt_id}").json()
    return found


def test_where_nothing_happens_the_numbers_are_zero(either_tavern: Tavern) -> None:
    (row,) = rows("stats")
    assert set(row.values()) == {0, None}


def test_the_numbers_tell_what_runs_waits_and_is_lost(either_tavern: Tavern) -> None:
    lose_worker(either_tavern.submit(RUN))
    either_tavern.submit(RUN)
    hold(either_tavern.submit(RUN))
    container.dead_letters().send("{}", group=USER)
    (row,) = rows("stats")
    assert row.pop("oldestQueuedSeconds") < 60
    assert row.pop("oldestRunningSeconds") < 60
    assert row == {
        "queued": 1,
        "running": 2,
        "lost": 1,
        "messagesWaiting": 2,
        "messagesInFlight": 0,
        "deadLetters": 1,
    }


def test_the_runs_of_all_users_are_listed_oldest_first(either_tavern: Tavern) -> None:
    lost = either_tavern.submit(RUN)
    lose_worker(lost, attempts=3)
    waiting = container.executions().submit("bob", RUN)
    unsent = container.executions().submit("bob", RUN)
    container.run_log().update(unsent, {"dispatched": False})
    held = either_tavern.submit(RUN)
    hold(held)
    listed = rows("runs")
    assert all(0 <= row.pop("ageSeconds") < 60 for row in listed)
    by_id = {row.pop("promptId"): row for row in listed}
    assert by_id == {
        lost: {"user": USER, "status": "running", "phase": "lost", "attempts": 3},
        waiting: {"user": "bob", "status": "queued", "phase": "waiting", "attempts": 0},
        unsent: {"user": "bob", "status": "queued", "phase": "not sent", "attempts": 0},
        held: {"user": USER, "status": "running", "phase": "working", "attempts": 0},
    }
    assert next(iter(by_id)) == lost


def test_runs_can_be_asked_for_by_user_status_and_number(either_tavern: Tavern) -> None:
    mine, other = either_tavern.submit(RUN), either_tavern.submit(RUN)
    hold(mine)
    bobs = container.executions().submit("bob", RUN)
    assert [row["promptId"] for row in rows("runs", user="bob")] == [bobs]
    assert [row["promptId"] for row in rows("runs", status="running")] == [mine]
    assert [row["promptId"] for row in rows("runs", user=USER, status="queued")] == [other]
    shortened = document("runs", limit=1)
    assert len(shortened["rows"]) == 1
    assert shortened["note"].startswith("The 1 oldest of 3")


@pytest.mark.parametrize("end", ["error", "interrupted"])
def test_a_stuck_run_is_ended_and_its_user_is_told(either_tavern: Tavern, end: str) -> None:
    either_tavern.connect()
    stuck = either_tavern.submit(RUN)
    lose_worker(stuck)
    (row,) = rows("end", promptId=stuck, reason="The model is gone", **{"as": end})
    assert row == {"promptId": stuck, "user": USER, "was": "running", "is": end}
    seen = status(either_tavern, stuck)
    assert (seen["status"], seen["errorInfo"]) == (end, {"message": "The model is gone"})
    assert either_tavern.work() == 1
    assert rows("runs") == []
    told = [frame for frame in either_tavern.frames() if "sequence" in frame]
    assert [frame["sequence"] for frame in told] == list(range(1, len(told) + 1))
    assert told[-1]["payload"]["status"] == end


def test_a_run_that_ends_without_a_reason_says_who_ended_it(either_tavern: Tavern) -> None:
    waiting = either_tavern.submit(RUN)
    rows("end", promptId=waiting)
    seen = status(either_tavern, waiting)
    assert (seen["status"], seen["errorInfo"]["message"]) == (
        "error",
        "It was ended by the operator",
    )


def test_the_worker_that_holds_a_run_is_left_to_tell_of_its_end(either_tavern: Tavern) -> None:
    held = either_tavern.submit(RUN)
    hold(held)
    assert rows("end", promptId=held)[0]["is"] == "error"
    assert status(either_tavern, held)["status"] == "error"
    assert container.queue().depth() == Depth(visible=1, in_flight=0)  # the submission's


def test_a_run_ends_once(either_tavern: Tavern) -> None:
    ended = either_tavern.submit(RUN)
    assert either_tavern.work() == 1
    assert refused("end", promptId=ended) == ("Conflict", "The run has ended: complete")
    assert refused("requeue", promptId=ended) == ("Conflict", "The run has ended: complete")
    assert status(either_tavern, ended)["status"] == "complete"


def test_a_run_that_was_tried_too_often_is_brought_on(either_tavern: Tavern) -> None:
    lost = either_tavern.submit(RUN)
    lose_worker(lost, attempts=container.MAX_RECEIVES)
    assert rows("requeue", promptId=lost)[0]["promptId"] == lost
    assert rows("runs")[0]["phase"] == "queued again"
    assert rows("runs")[0]["attempts"] == 0
    assert either_tavern.work() == 1
    assert status(either_tavern, lost)["status"] == "complete"


def test_a_run_is_not_taken_from_its_worker(either_tavern: Tavern) -> None:
    held = either_tavern.submit(RUN)
    hold(held)
    kind, message = refused("requeue", promptId=held)
    assert kind == "Conflict"
    assert "A worker holds the run" in message


def test_a_run_whose_end_nobody_told_leaves_the_lists(either_tavern: Tavern) -> None:
    untold = either_tavern.submit(RUN)
    lose_worker(untold)
    failed = event_batch(2, events.status("error", "No"), "lost")
    container.run_log().append(untold, failed)
    assert "requeue it" in refused("end", promptId=untold)[1]
    rows("requeue", promptId=untold)
    assert either_tavern.work() == 1
    assert rows("runs") == []


@pytest.mark.parametrize("command", ["end", "requeue"])
@pytest.mark.parametrize("prompt_id", ["none", "a/b", "🐉", "x" * 1000])
def test_an_unknown_run_is_not_found(either_tavern: Tavern, command: str, prompt_id: str) -> None:
    assert refused(command, promptId=prompt_id) == ("NotFound", "No such run")


@pytest.mark.parametrize(
    "question",
    [
        None,
        [],
        {},
        {"command": "drop"},
        {"command": ["runs"]},
        {"command": "runs", "arguments": []},
        {"command": "runs", "arguments": {"usr": "ada"}},
        {"command": "runs", "arguments": {"user": 5}},
        {"command": "runs", "arguments": {"user": ""}},
        {"command": "runs", "arguments": {"user": "a\n"}},
        {"command": "runs", "arguments": {"user": "x" * 1001}},
        {"command": "runs", "arguments": {"status": "complete"}},
        {"command": "runs", "arguments": {"limit": "5"}},
        {"command": "runs", "arguments": {"limit": True}},
        {"command": "runs", "arguments": {"limit": 0}},
        {"command": "runs", "arguments": {"limit": 10_001}},
        {"command": "end", "arguments": {}},
        {"command": "end", "arguments": {"promptId": "a", "as": "complete"}},
    ],
)
def test_what_is_no_command_is_refused(tavern: Tavern, question: object) -> None:
    answer = operate(question, InvocationContext("admin", 900))
    assert answer["error"]["kind"] == "InvalidInput"


def three_libraries() -> list[str]:
    """Three users with a project each, whose lists are lost."""
    users = ["ada", "bob", "cy"]
    for uid in users:
        container.projects().create(uid, {"name": "Novel"})
        container.workflows().create(uid, "Novel", {"name": "Chapter"})
        for partition in (f"{uid}#projects", f"{uid}#project#Novel"):
            for entry in container.index().query(partition).entries:
                container.index().write(Remove(partition, entry.key))
    return users


def names(uid: str) -> list[str]:
    """The projects that a user sees listed."""
    return [str(each["name"]) for each in container.projects().list(uid)]


def test_lost_lists_are_rebuilt(either_tavern: Tavern) -> None:
    users = three_libraries()
    counts = {"projects": 1, "workflows": 1, "characters": 0, "lorebooks": 0}
    done = {**counts, "rowsWritten": 4, "rowsRemoved": 0}
    assert rows("repair") == [{"user": uid, **done} for uid in users]
    assert [names(uid) for uid in users] == [["Novel"]] * 3


def test_one_users_lists_are_rebuilt_alone(either_tavern: Tavern) -> None:
    three_libraries()
    assert [row["user"] for row in rows("repair", user="bob")] == ["bob"]
    assert (names("ada"), names("bob")) == ([], ["Novel"])


def test_a_repair_without_time_goes_on_where_it_was(either_tavern: Tavern) -> None:
    users = three_libraries()
    arguments: Mapping[str, Any] = {}
    turns = []
    while True:
        question = {"command": "repair", "arguments": arguments}
        answer = admin.run(question, minutes(15))
        turns.append([row["user"] for row in answer["rows"]])
        if "following" not in answer:
            break
        arguments = answer["following"]
    assert turns == [[uid] for uid in users]
    assert [names(uid) for uid in users] == [["Novel"]] * 3


def test_one_users_trouble_does_not_keep_the_others_from_their_lists(
    either_tavern: Tavern,
) -> None:
    three_libraries()
    unwritable = b'{"name": "Chapter", "createdAt": "2999", "half": "\\ud800"}'
    container.documents().put("users/bob/projects/Novel/workflows/z.json", unwritable)
    answer = document("repair")
    assert [sorted(row) for row in answer["rows"] if row["user"] == "bob"] == [["problem", "user"]]
    assert answer["failed"] is True
    assert (names("ada"), names("cy")) == (["Novel"], ["Novel"])


def minutes(left: int) -> Callable[[], int]:
    """A function's remaining time, in milliseconds, that is a minute less at each look."""
    looks = count()
    return lambda: (left - next(looks)) * 60_000
