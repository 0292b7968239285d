"""What a client and a worker get of a run that a newer version has written."""

from dataclasses import replace

from chalicelib import container, json_text
from chalicelib.engine import events
from chalicelib.ports import RUN_FORMAT
from chalicelib.services.frames import event_batch
from tests.api.product import Tavern
from tests.builders import node, payload

BODY = payload([node("n", "core:RandomNumber")])


def begun_by_a_newer_worker(tavern: Tavern) -> str:
    prompt_id = tavern.submit(BODY)
    batch = event_batch(1, events.status("running"), "newer")
    container.run_log().append(prompt_id, replace(batch, format=RUN_FORMAT + 1))
    container.run_log().update(prompt_id, {"status": "running", "attempts": 1})
    return prompt_id


def test_a_run_that_cannot_be_read_yet_is_a_conflict_that_says_when_to_ask_again(
    either_tavern: Tavern,
) -> None:
    prompt_id = begun_by_a_newer_worker(either_tavern)
    for method, path in (("GET", "prompt"), ("POST", "interrupt")):
        answer = either_tavern.ask(method, f"/api/{path}/{prompt_id}")
        assert answer.status == 409
        assert answer.headers["retry-after"] == "30"
        assert "newer version" in answer.json()["error"]
    listed = either_tavern.ask("GET", "/api/executions").json()["running"]
    assert [run["promptId"] for run in listed] == [prompt_id]


def test_a_socket_hears_why_a_run_cannot_be_followed_yet(either_tavern: Tavern) -> None:
    prompt_id = begun_by_a_newer_worker(either_tavern)
    either_tavern.connect()
    (frame,) = either_tavern.say({"type": "FOLLOW_RUN", "payload": {"promptId": prompt_id}})
    assert frame["type"] == "error"
    assert "newer version" in frame["payload"]["message"]


def test_a_worker_takes_the_message_and_leaves_the_run_for_later(either_tavern: Tavern) -> None:
    prompt_id = begun_by_a_newer_worker(either_tavern)
    before = container.run_log().load(prompt_id)[1]
    assert either_tavern.work() == 1
    run, batches = container.run_log().load(prompt_id)
    assert batches == before
    assert (run.status, run.writer, run.attempts) == ("running", None, 1)
    assert container.queue().receive() is None


def test_a_message_that_was_deferred_is_deferred_for_longer(either_tavern: Tavern) -> None:
    prompt_id = begun_by_a_newer_worker(either_tavern)
    assert either_tavern.work() == 1
    lease = container.run_log().header(prompt_id).lease_until
    body = json_text.dumps({"promptId": prompt_id, "published": 0, "deferred": 3})
    container.queue().send(body, group="default_user")
    assert either_tavern.work() == 1
    later = container.run_log().header(prompt_id).lease_until
    assert later - lease > 200  # 240 seconds and the grace, after 30 and the grace
