"""What calls of AWS need, and what the policies of functions allow."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from moto.core import DEFAULT_ACCOUNT_ID

from chalicelib.adapters.aws import clients
from infra.local.moto_backend import REGION
from infra.resources import names
from tests.api.product import Tavern

POLICIES = Path(__file__).resolve().parents[2] / "infra" / "policies"
STAGE = names("test", account=DEFAULT_ACCOUNT_ID, region=REGION)
RESOURCES = {
    STAGE.bucket: "Documents",
    STAGE.library: "Library",
    STAGE.executions: "Executions",
    STAGE.accounts: "Accounts",
    STAGE.runs: "Runs",
    STAGE.runs_dead: "RunsDead",
    STAGE.imports: "Imports",
    STAGE.imports_dead: "ImportsDead",
}
# What Lambda itself does in a function's name, before and after our code. It names a log
# group (https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html),
LOGS = ("logs:CreateLogStream", "logs:PutLogEvents")
# and takes messages (https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html).
TAKES = ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")


@dataclass(frozen=True, order=True)
class Need:
    """An action on a resource; resources are called as in the template.

    ``rows`` is what the partition begins with, of a call that names one row of a table.
    """

    action: str
    resource: str
    rows: str = ""


class Notes:
    """What the function that acts needs from AWS."""

    def __init__(self, tavern: Tavern) -> None:
        self._tavern = tavern
        self._function: str | None = None
        self.needs: dict[str, set[Need]] = {}
        clients.forget()  # a session's handlers reach the clients that are made after them
        clients.session().events.register("before-parameter-build", self._note)

    @contextmanager
    def acting(self, function: str) -> Iterator[None]:
        """What is called inside is called by this function."""
        self._function = function
        needs = self.needs.setdefault(function, set())
        before = self._done_to_sockets()
        self._tavern.start_anew()
        yield
        for method, count in self._done_to_sockets().items():
            if count > before[method]:
                connection = f"WebsocketAPI/ws/{method}/@connections/ada"
                needs.add(Need("execute-api:ManageConnections", connection))
        self._function = None

    def _done_to_sockets(self) -> Mapping[str, int]:
        """How often a method of the gateway's management API would have been called."""
        told = sum(len(self._tavern.messages(name)) for name in ("ada", "bob"))
        return {
            "POST": told,
            "GET": len(self._tavern.asked()),
            "DELETE": len(self._tavern.closed()),
        }

    def _note(self, params: Mapping[str, Any], model: Any, **_: object) -> None:
        if self._function is not None:
            asked = needs_of(model.service_model.service_name, model.name, params)
            self.needs[self._function].update(asked)


def needs_of(service: str, operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
    """The permissions that a call takes."""
    if operation == "TransactWriteItems":
        for item in params["TransactItems"]:
            ((kind, request),) = item.items()
            yield from needs_of(service, f"{kind}Item", request)
    elif service == "dynamodb":
        index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
        row = params.get("Key") or params.get("Item")
        kind = row["pk"]["S"].partition("#")[0] if row else ""
        yield Need(f"dynamodb:{operation}", RESOURCES[params["TableName"]] + index, kind)
    elif service == "sqs":
        queue = params.get("QueueName") or params["QueueUrl"].rpartition("/")[2]
        yield Need(f"sqs:{operation}", RESOURCES[queue])
    elif service == "kms":
        actions = ["ReEncryptFrom", "ReEncryptTo"] if operation == "ReEncrypt" else [operation]
        yield from (Need(f"kms:{action}", "Key") for action in actions)
    else:
        assert service == "s3"
        yield from needs_of_s3(operation, params)


def needs_of_s3(operation: str, params: Mapping[str, Any]) -> Iterator[Need]:
    """The permissions that a call of S3 takes."""
    bucket = RESOURCES[params["Bucket"]]
    if operation == "DeleteObjects":
        for item in params["Delete"]["Objects"]:
            yield Need("s3:DeleteObjectVersion", f"{bucket}/{item['Key']}")
    elif operation == "CopyObject":
        source = unquote(params["CopySource"]).partition("/")[2]  # of this bucket
        yield Need("s3:GetObject", f"{bucket}/{source}")
        yield Need("s3:PutObject", f"{bucket}/{params['Key']}")
        yield Need("s3:ListBucket", bucket)
    elif operation.startswith("List"):
        action = "ListBucket" if operation == "ListObjectsV2" else "ListBucketVersions"
        yield Need(f"s3:{action}", bucket)
    elif "Key" in params:  # without: a form is signed, and nobody called
        suffix = "Version" if "VersionId" in params else ""
        yield Need(f"s3:{operation}{suffix}", f"{bucket}/{params['Key']}")
        if "IfMatch" in params or operation == "GetObject":
            yield Need("s3:GetObject", f"{bucket}/{params['Key']}")
            yield Need("s3:ListBucket", bucket)  # without it, what is not there is 403


def allows(policy: list[dict[str, Any]], need: Need) -> bool:
    """Whether a statement names both, under a condition that the call meets."""
    return any(
        need.action in statement["Action"]
        and fnmatchcase(need.resource, rendered(statement["Resource"]))
        and meets(need, statement.get("Condition"))
        for statement in policy
    )


def meets(need: Need, condition: dict[str, Any] | None) -> bool:
    """Whether a call keeps to the rows of a statement; that is the one condition there is."""
    if condition is None:
        return True
    patterns = condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
    assert condition == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": patterns}}
    return any(fnmatchcase(f"{need.rows}#", pattern) for pattern in patterns)


def rendered(resource: dict[str, Any]) -> str:
    """A statement's resource, called as in the template: ``Documents/runs/*``."""
    if "Fn::GetAtt" in resource:
        return str(resource["Fn::GetAtt"][0])
    found = re.search(r"\$\{(\w+)(?:\.Arn)?\}([^$]*)$", resource["Fn::Sub"])
    assert found is not None
    return found[1] + found[2]


def is_lambdas_own(action: str, resource: str, function: str) -> bool:
    """Whether it is Lambda that needs this, and not our code."""
    taken_from = {
        "run_execution": "Runs",
        "dead_letter": "RunsDead",
        "import_library": "Imports",
        "dead_import": "ImportsDead",
    }
    writes_its_log = action in LOGS and resource.endswith("Log")
    return writes_its_log or (action in TAKES and taken_from.get(function) == resource)


def policy_of(function: str) -> list[dict[str, Any]]:
    """The statements of a function's policy."""
    statements: list[dict[str, Any]] = json.loads((POLICIES / f"{function}.json").read_text())[
        "Statement"
    ]
    return statements
