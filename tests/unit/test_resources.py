"""The template from which AWS, the emulator and moto create what is stored in."""

import json

import pytest
from cfnlint.api import lint_all

from chalicelib.adapters.aws import run_rows
from chalicelib.ports import Run
from infra.resources import ResourceNames, names, resources


def test_names_are_those_of_the_stage() -> None:
    assert names("dev", account="123456789012", region="eu-west-1") == ResourceNames(
        bucket="comfytavern-dev-documents-123456789012-eu-west-1",
        library="comfytavern-dev-library",
        executions="comfytavern-dev-executions",
        accounts="comfytavern-dev-accounts",
        runs="comfytavern-dev-runs",
        runs_dead="comfytavern-dev-runs-dead",
        imports="comfytavern-dev-imports",
        imports_dead="comfytavern-dev-imports-dead",
    )


@pytest.mark.parametrize("stage", ["", "Dev", "my-stage", "1st", "x" * 13, '"'])
def test_a_stage_that_makes_no_names_is_refused(stage: str) -> None:
    with pytest.raises(ValueError, match="A stage is"):
        resources(stage)


def test_the_longest_stage_fits_a_buckets_name() -> None:
    longest = names("x" * 12, account="123456789012", region="ap-southeast-1")
    assert len(longest.bucket) <= 63


def test_the_index_of_active_runs_has_all_of_a_header_but_the_payload() -> None:
    table = resources("dev")["Resources"]["Executions"]["Properties"]
    (active,) = table["GlobalSecondaryIndexes"]
    keys = {key["AttributeName"] for key in [*table["KeySchema"], *active["KeySchema"]]}
    run = Run("id", "ada", "queued", 1, "{}", "key", "name", 1, 1, 1.0, "w", True, 1, 1, 1)
    projected = keys | set(active["Projection"]["NonKeyAttributes"])
    assert projected == set(run_rows.header_item(run)) - {"payload"}


def test_the_template_has_no_errors_and_no_warnings() -> None:
    matches = lint_all(json.dumps(resources("dev")))
    assert [str(match) for match in matches if match.rule.id[0] in "EW"] == []
