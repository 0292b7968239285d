"""Every route under hostile input: always an answer, never a 5xx, errors in one shape."""

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import app
from tests.api.bodies import NODE, PROJECT, RUN, WORKFLOW
from tests.api.hostile import FUZZ, HEADERS, JSON, QUERIES, RAW, SEGMENTS, assert_well_formed
from tests.api.mutation import mutated
from tests.api.pictures import form, part
from tests.api.product import Tavern
from tests.api.routes import is_flagged
from tests.unit.cards.fuzz import changed

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
EXAMPLES = 60
FILES = 40
_PARAMETER = re.compile(r"\{(\w+)\}")
_URL_TOO_LONG = 414

# What a path's parameters may name that is there, and what its body may be like.
KNOWN: Mapping[str, str] = {
    "project_id": "p",
    "workflow_id": "w",
    "namespace": "core",
    "node_type": "RandomNumber",
    "part1": "client-scripts",
    "part2": "RandomNumberNode.js",
}
BODIES: Mapping[str, Sequence[Any]] = {
    "/api/prompt": [RUN],
    "/api/projects": [PROJECT],
    "/api/projects/{project_id}": [PROJECT],
    "/api/projects/{project_id}/metadata": [PROJECT],
    "/api/projects/{project_id}/workflows": [WORKFLOW, {**WORKFLOW, "nodes": [NODE] * 2}],
    "/api/projects/{project_id}/workflows/{workflow_id}": [WORKFLOW],
}
# What takes a file of a user's.
UPLOADS = [
    ("POST", "/api/characters"),
    ("PUT", "/api/characters/{}/image"),
    ("POST", "/api/characters/import"),
    ("POST", "/api/lorebooks/import"),
]
FILENAMES = (
    *("Ada.png", "Ada.json", "", "..", ".", "\0.png", "a/../b.png", "a\\b.png", "\r\nX: y", "\t"),
    *("\u202e", "\ud7ff", "a" * 2_000, "💩" * 300, "%00", ".png", "Ada.png.json", "{}", "CON"),
)


@st.composite
def targets(draw: st.DrawFn, path: str, known: Mapping[str, str]) -> str:
    """A path with its parameters filled, now and then by what is there."""

    def fill(parameter: re.Match[str]) -> str:
        there = known.get(parameter[1])
        if there is not None and draw(st.integers(0, 2)):
            return there
        return draw(SEGMENTS)

    return _PARAMETER.sub(fill, path) + draw(st.sampled_from(["", "", "", "/"])) + draw(QUERIES)


@pytest.mark.parametrize("path", app.routes)
def test_no_request_to_a_route_is_too_hostile(tavern: Tavern, path: str) -> None:
    prompt_id = tavern.submit(RUN)
    bodies = mutated(BODIES[path]) | JSON if path in BODIES else JSON

    @settings(FUZZ, max_examples=EXAMPLES)
    @given(
        method=st.sampled_from(app.routes[path]) | st.sampled_from(METHODS),
        target=targets(path, {**KNOWN, "prompt_id": prompt_id}),
        body=bodies | RAW,
        headers=HEADERS,
    )
    def ask(method: str, target: str, body: Any, headers: dict[str, str]) -> None:
        if "{project_id}" in path:  # an earlier example may have deleted them
            tavern.ask("POST", "/api/projects", json=PROJECT)
            tavern.ask("POST", "/api/projects/p/workflows", json=WORKFLOW)
        if isinstance(body, bytes):
            answer = tavern.ask(method, target, body=body, headers=headers)
        else:
            answer = tavern.ask(method, target, json=body, headers=headers)
        flagged = is_flagged(path) or answer.status == _URL_TOO_LONG
        assert_well_formed(answer, success_flag=flagged)

    ask()


@pytest.mark.parametrize(("method", "path"), UPLOADS)
def test_no_file_is_too_hostile(tavern: Tavern, method: str, path: str) -> None:
    sent = form(part("file", b'{"name": "Ada"}', filename="Ada.json"))
    entry = tavern.ask("POST", "/api/characters", **sent).json()["data"]
    statuses = set()
    for number in range(FILES):
        chance = random.Random(f"{path} {number}")  # noqa: S311 (the same files each time)
        files = [
            part("file", changed(chance), filename=chance.choice(FILENAMES))
            for _ in range(chance.choice([1, 1, 1, 2]))
        ]
        answer = tavern.ask(method, path.format(entry["id"]), **form(*files))
        assert answer.status < 500, (number, answer.body)
        if "results" not in answer.json():  # one file's errors are in the shape of all
            assert_well_formed(answer, success_flag=True)
        statuses.add(answer.status)
    assert min(statuses) < 400 <= max(statuses)
    for found in tavern.ask("GET", "/api/characters?limit=200").json()["data"]:
        one = f"/api/characters/{found['id']}"
        assert tavern.ask("GET", one).json()["data"]["id"] == found["id"]
        for form_ in ("json", "png", "charx"):
            assert tavern.ask("GET", f"{one}/export?format={form_}").status in (200, 400, 409)
