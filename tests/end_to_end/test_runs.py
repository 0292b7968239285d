"""Runs, as users meet them wherever the product runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.builders import edge, node, payload
from tests.end_to_end.conftest import EMULATED
from tests.local.client import Client, is_queue_update, is_terminal
from tests.recorded import RECORDED, assert_replays

pytestmark = pytest.mark.stack
SUM = payload([node("n", "core:MathOperation", inputs={"a": 1, "b": 2})])
# A lost worker's message comes back five times at most, after a time-out each.
LOST_SECONDS = 100
# On moto workers are threads: the death of one is the death of all.
IN_PROCESSES = pytest.mark.parametrize("url", ["embedded", EMULATED], indirect=True)


@pytest.mark.parametrize("scenario", RECORDED, ids=lambda item: item["scenario"])
def test_a_recorded_run_replays(client: Client, scenario: Mapping[str, Any]) -> None:
    client.say("PROMPT_REQUEST", scenario["request"]["payload"])
    frames = client.hear_until(is_queue_update)
    assert_replays(scenario, frames)
    sequences = [frame["sequence"] for frame in frames if "sequence" in frame]
    assert sequences == list(range(1, len(sequences) + 1))


def test_a_run_submitted_over_http_is_watched_over_a_socket(client: Client) -> None:
    prompt_id = client.submit(SUM)
    frames = client.follow(prompt_id)
    assert [frame["sequence"] for frame in frames] == list(range(1, len(frames) + 1))
    status = client.status(prompt_id)
    assert status["status"] == "complete"
    assert status["nodeStatus"]["n"]["output"] == {"result": 3}


def test_a_workflow_is_saved_in_a_project_and_read_back(client: Client) -> None:
    made = client.http.post("/api/projects", json={"name": "Tales"})
    workflows = f"/api/projects/{made.json()['id']}/workflows"
    canvas = {"id": "n", "type": "core:MathOperation", "position": {"x": 1, "y": 2.5}}
    saved = client.http.post(workflows, json={"name": "First draft", "nodes": [canvas]})
    assert saved.status_code == 201
    found = client.http.get(f"{workflows}/{saved.json()['id']}")
    assert found.json()["nodes"] == [canvas]
    assert [item["name"] for item in client.http.get(workflows).json()] == ["First draft"]
    client.say("load_workflow", {"projectId": made.json()["id"], "workflowId": saved.json()["id"]})
    (loaded,) = client.hear()
    assert loaded["payload"]["workflow"] == found.json()


def test_a_client_that_lost_its_socket_misses_nothing(url: str, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    body = payload(
        [
            node("c", "slow:Count", inputs={"count": 50}),
            node("s", "core:StreamSuffixRelay", inputs={"suffix": "!"}),
            node("g", "slow:WaitForFile", inputs={"path": str(gate)}),
        ],
        edge("c.stream", "s.inputStream"),
    )
    with Client(url) as first:
        prompt_id = first.submit(body)
        seen = first.hear_until(lambda frame: frame.get("sequence", 0) >= 3)
    with Client(url) as second:
        after = max(frame.get("sequence", 0) for frame in seen)
        second.say("FOLLOW_RUN", {"promptId": prompt_id, "afterSequence": after})
        gate.touch()
        rest = second.hear_until(is_terminal)
        numbers = {frame["sequence"] for frame in rest if "sequence" in frame}
        assert set(range(after + 1, max(numbers) + 1)) <= numbers
        relayed = second.status(prompt_id)["nodeStatus"]["s"]["output"]["outputStream"]
    assert relayed.count("!") >= 1
    assert relayed.replace("!", "").split() == [str(number) for number in range(50)]


def test_a_running_run_is_interrupted_and_its_last_event_is_that(client: Client) -> None:
    client.say("PROMPT_REQUEST", payload([node("w", "slow:Wait", inputs={"seconds": 600})]))
    frames = client.hear_until(lambda frame: frame["type"] == "NODE_EXECUTING")
    prompt_id = frames[-1]["payload"]["promptId"]
    answer = client.http.delete(f"/api/interrupt/{prompt_id}")
    assert answer.json()["success"] is True
    frames = client.hear_until(is_queue_update)
    assert [frame["payload"].get("status") for frame in frames] == ["interrupted", None]
    assert client.http.post(f"/api/interrupt/{prompt_id}").status_code == 404


def test_of_two_tabs_the_second_learns_that_the_first_has_saved(client: Client) -> None:
    project = client.http.post("/api/projects", json={"name": "Tabs"}).json()["id"]
    workflows = f"/api/projects/{project}/workflows"
    made = client.http.post(workflows, json={"name": "Shared"})
    address, etag = f"{workflows}/{made.json()['id']}", made.headers["etag"]
    first = client.http.put(address, json={"name": "One"}, headers={"If-Match": etag})
    second = client.http.put(address, json={"name": "Two"}, headers={"If-Match": etag})
    assert (first.status_code, second.status_code) == (200, 412)
    assert client.http.get(address).json()["name"] == "One"


@pytest.mark.parametrize(
    ("method", "target", "body", "status"),
    [
        ("POST", "/api/prompt", b"{", 400),
        ("POST", "/api/projects", b'{"name": 1}', 400),
        ("GET", "/api/prompt/unknown", b"", 404),
        ("PATCH", "/api/prompt", b"{}", 405),
    ],
)
def test_bad_requests_are_told_what_is_wrong(
    client: Client, method: str, target: str, body: bytes, status: int
) -> None:
    answer = client.http.request(
        method, target, content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == status
    assert answer.json()["error"]


@IN_PROCESSES
@pytest.mark.timeout(LOST_SECONDS + 60)
def test_a_run_survives_the_death_of_its_worker(client: Client, tmp_path: Path) -> None:
    body = payload([node("d", "slow:DieOnce", inputs={"path": str(tmp_path / "marker")})])
    frames = client.follow(client.submit(body), timeout=LOST_SECONDS)
    assert frames[-1]["payload"]["status"] == "complete"
    assert [frame["sequence"] for frame in frames] == list(range(1, len(frames) + 1))


@IN_PROCESSES
@pytest.mark.timeout(LOST_SECONDS + 60)
def test_a_run_that_kills_every_worker_ends_in_error_and_others_go_on(client: Client) -> None:
    frames = client.follow(client.submit(payload([node("d", "slow:Die")])), timeout=LOST_SECONDS)
    assert frames[-1]["payload"]["status"] == "error"
    assert "worker was lost" in frames[-1]["payload"]["errorInfo"]["message"]
    assert client.follow(client.submit(SUM))[-1]["payload"]["status"] == "complete"
