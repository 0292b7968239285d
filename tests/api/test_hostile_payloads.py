"""Workflows to run that are almost right: refused with a reason, or run to an end."""

from typing import Any

from hypothesis import given, settings

from tests.api.hostile import FUZZ, JSON, assert_well_formed
from tests.api.mutation import mutated
from tests.api.product import Tavern
from tests.recorded import RECORDED

PAYLOADS = [scenario["request"]["payload"] for scenario in RECORDED]


@settings(FUZZ, max_examples=250)
@given(payload=mutated(PAYLOADS) | JSON)
def test_an_almost_valid_workflow_is_refused_or_ends(tavern: Tavern, payload: Any) -> None:
    answer = tavern.ask("POST", "/api/prompt", json=payload)
    assert_well_formed(answer)
    if answer.status != 200:
        assert answer.status == 400, answer
        return
    tavern.work()
    status = tavern.ask("GET", f"/api/prompt/{answer.json()['promptId']}")
    assert status.status == 200, status
    assert status.json()["status"] in ("complete", "error")
