"""Every route under hostile input: always an answer, never a 5xx, errors in one shape."""

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import app
from tests.api.hostile import FUZZ, HEADERS, JSON, QUERIES, RAW, SEGMENTS, assert_well_formed
from tests.api.product import Tavern

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
_PARAMETER = re.compile(r"\{\w+\}")
# Not yet joined.
_FLAGGED = ("/api/characters", "/api/interrupt", "/api/nodes/reload")


@st.composite
def targets(draw: st.DrawFn, path: str) -> str:
    filled = _PARAMETER.sub(lambda _: draw(SEGMENTS).replace("\\", "%5C"), path)
    return filled + draw(st.sampled_from(["", "", "", "/"])) + draw(QUERIES)


@pytest.mark.parametrize("path", app.routes)
def test_no_request_to_a_route_is_too_hostile(tavern: Tavern, path: str) -> None:
    own = [*app.routes[path]]

    @settings(FUZZ, max_examples=60)
    @given(
        method=st.sampled_from(own) | st.sampled_from(METHODS),
        target=targets(path),
        body=JSON | RAW,
        headers=HEADERS,
    )
    def ask(method: str, target: str, body: Any, headers: dict[str, str]) -> None:
        if isinstance(body, bytes):
            answer = tavern.ask(method, target, body=body, headers=headers)
        else:
            answer = tavern.ask(method, target, json=body, headers=headers)
        assert_well_formed(answer, success_flag=path.startswith(_FLAGGED) and answer.status!=414)

    ask()
