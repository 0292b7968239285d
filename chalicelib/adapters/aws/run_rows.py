"""How runs, batches and idempotency rows look as DynamoDB items.

Partition ``run#{prompt id}`` holds the ``header`` row and, in the order of their
first sequence, the ``events#{first}`` rows. ``activeOwner`` is there while a run
is queued or running: the key of the sparse index ``active``. Both kinds of rows
have a ``format``; those of the first version have none. Attributes that this
version does not know are left as they are.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from chalicelib.ports import ACTIVE_STATUSES, Batch, Idempotency, Run

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import UniversalAttributeValueTypeDef, UpdateTypeDef

    from chalicelib.adapters.aws.tables import FoundItem

    Item = dict[str, UniversalAttributeValueTypeDef]

HEADER = "header"
EVENTS = "events#"
IDEMPOTENCY = "idempotency#"
_FIRST_FORMAT = 1

_ATTRIBUTES = {
    "prompt_id": "promptId",
    "owner": "owner",
    "status": "status",
    "submitted_at": "submittedAt",
    "payload": "payload",
    "payload_key": "payloadKey",
    "workflow_name": "workflowName",
    "started_at": "startedAt",
    "completed_at": "completedAt",
    "lease_until": "leaseUntil",
    "writer": "writer",
    "dispatched": "dispatched",
    "attempts": "attempts",
    "published": "published",
    "expires_at": "ttl",
    "format": "format",
}
_FLOATS = {"leaseUntil"}


def run_key(prompt_id: str, sort: str = HEADER) -> "Item":
    """The key of a run's header, or of another of its rows."""
    return {"pk": {"S": f"run#{prompt_id}"}, "sk": {"S": sort}}


def batch_sort(first: int) -> str:
    """The sort key of the batch that starts at a sequence."""
    return f"{EVENTS}{first:012d}"


def header_item(run: Run) -> "Item":
    """The header row of a run."""
    values = {_ATTRIBUTES[field.name]: getattr(run, field.name) for field in fields(run)}
    item = {name: _encoded(value) for name, value in values.items() if value is not None}
    if run.status in ACTIVE_STATUSES:
        item["activeOwner"] = {"S": run.owner}
    return {**run_key(run.prompt_id), **item}


def read_header(item: "FoundItem") -> Run:
    """The run that a header row describes; the index ``active`` has no payloads or formats."""
    values = {"format": _FIRST_FORMAT} | {
        field: _decoded(name, item[name]) for field, name in _ATTRIBUTES.items() if name in item
    }
    return Run(**values)


def batch_item(prompt_id: str, batch: Batch, expires_at: int) -> "Item":
    """The row of a batch."""
    return {
        **run_key(prompt_id, batch_sort(batch.first)),
        "count": {"N": str(batch.count)},
        "writer": {"S": batch.writer},
        "format": {"N": str(batch.format)},
        "events": {"S": batch.events},
        "ttl": {"N": str(expires_at)},
    }


def read_batch(item: "FoundItem") -> Batch:
    """The batch that a row holds."""
    return Batch(
        first=int(item["sk"]["S"].removeprefix(EVENTS)),
        count=int(item["count"]["N"]),
        events=item["events"]["S"],
        writer=item["writer"]["S"],
        format=int(item["format"]["N"]) if "format" in item else _FIRST_FORMAT,
    )


def idempotency_item(row: Idempotency) -> "Item":
    """The row of an idempotency key, which may be any text."""
    key = hashlib.sha256(row.key.encode(errors="surrogatepass")).hexdigest()
    return {
        "pk": {"S": f"{IDEMPOTENCY}{row.owner}"},
        "sk": {"S": key},
        "digest": {"S": row.digest},
        "promptId": {"S": row.prompt_id},
        "ttl": {"N": str(row.expires_at)},
    }


def read_idempotency(item: "FoundItem", wanted: Idempotency) -> Idempotency:
    """The row that holds the key of ``wanted``."""
    return Idempotency(
        owner=wanted.owner,
        key=wanted.key,
        digest=item["digest"]["S"],
        prompt_id=item["promptId"]["S"],
        expires_at=int(item["ttl"]["N"]),
    )


def header_update(table: str, prompt_id: str, changes: Mapping[str, Any]) -> "UpdateTypeDef":
    """Set the changed fields, drop those that become None, and keep ``activeOwner`` true."""
    values = {_ATTRIBUTES[field]: value for field, value in changes.items()}
    sets = [f"#{name} = :{name}" for name, value in values.items() if value is not None]
    drops = [f"#{name}" for name, value in values.items() if value is None]
    names = {f"#{name}": name for name in values}
    if values.get("status") in ACTIVE_STATUSES:
        sets.append("activeOwner = #owner")
        names["#owner"] = "owner"
    elif "status" in values:
        drops.append("activeOwner")
    if not changes:
        sets, names = ["#owner = #owner"], {"#owner": "owner"}
    expression = " ".join(
        f"{verb} {', '.join(parts)}" for verb, parts in (("SET", sets), ("REMOVE", drops)) if parts
    )
    update: UpdateTypeDef = {
        "TableName": table,
        "Key": run_key(prompt_id),
        "UpdateExpression": expression,
        "ConditionExpression": "attribute_exists(pk)",
        "ExpressionAttributeNames": names,
    }
    encoded = {f":{name}": _encoded(value) for name, value in values.items() if value is not None}
    if encoded:
        update["ExpressionAttributeValues"] = encoded
    return update


def _encoded(value: str | bool | float) -> "UniversalAttributeValueTypeDef":
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, bool):
        return {"BOOL": value}
    return {"N": str(value)}


def _decoded(name: str, value: Mapping[str, Any]) -> Any:
    if "N" not in value:
        return value["S"] if "S" in value else bool(value["BOOL"])
    return float(value["N"]) if name in _FLOATS else int(value["N"])
