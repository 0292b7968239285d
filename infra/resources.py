"""The stage's bucket, tables and queues, from one CloudFormation template.

AWS, the emulator and moto all create them from ``resources.json``. In it
``{stage}`` stands for the stage's name.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TEMPLATE = Path(__file__).with_name("resources.json")
_STAGE = re.compile(r"[a-z][a-z0-9]{0,11}")


@dataclass(frozen=True, slots=True)
class ResourceNames:
    """What the adapters are told: the names of a stage's resources."""

    bucket: str
    library: str
    executions: str
    accounts: str
    runs: str
    runs_dead: str
    imports: str
    imports_dead: str


def resources(stage: str) -> dict[str, Any]:
    """The template for a stage: a dict with the key ``Resources``.

    A stage is 1 to 12 lower-case letters and digits, a letter first, so that the
    bucket's name fits S3's 63 characters; else ``ValueError``.
    """
    if not _STAGE.fullmatch(stage):
        raise ValueError(f"A stage is 1 to 12 lower-case letters and digits, not {stage!r}")
    template: dict[str, Any] = json.loads(_TEMPLATE.read_text().replace("{stage}", stage))
    return template


def names(stage: str, *, account: str, region: str) -> ResourceNames:
    """The names that the resources of a stage get in an account and region."""

    def name(resource: str, attribute: str) -> str:
        value = template["Resources"][resource]["Properties"][attribute]
        text = value["Fn::Sub"] if isinstance(value, dict) else value
        return str(text.replace("${AWS::AccountId}", account).replace("${AWS::Region}", region))

    template = resources(stage)
    return ResourceNames(
        bucket=name("Documents", "BucketName"),
        library=name("Library", "TableName"),
        executions=name("Executions", "TableName"),
        accounts=name("Accounts", "TableName"),
        runs=name("Runs", "QueueName"),
        runs_dead=name("RunsDead", "QueueName"),
        imports=name("Imports", "QueueName"),
        imports_dead=name("ImportsDead", "QueueName"),
    )
