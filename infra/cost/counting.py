"""Meters every call of AWS's API, as it is made, by AWS's own rules."""

import io
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.model import OperationModel

from chalicelib.adapters.aws import clients
from infra.cost import assumptions as assumed
from infra.cost import units
from infra.cost.virtual_time import VirtualClock

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

Parameters = dict[str, Any]
_Key = tuple[str, str, str]
_Indexes = Mapping[str, units.Projection]

_PARAMETERS = "infra.cost.parameters"
_SERVICES = ("dynamodb", "s3", "sqs", "apigatewaymanagementapi", "kms")
_LIST_CALLS = frozenset({"ListObjectsV2", "ListObjectVersions"})
_FREE_S3_CALLS = frozenset({"DeleteObject", "DeleteObjects"})


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function, and its memory in MB."""

    name: str
    memory: int

    @property
    def cpu_share(self) -> float:
        """How much of one vCPU it has; our code uses no second one."""
        return min(1.0, self.memory / assumed.VCPU_MEMORY.value)


class Meter:
    """Notes what is used, and lets the clock pass for it.

    Calls count while a function is invoked only: those between are the driver's.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.usage: dict[str, float] = {}
        self.calls: dict[str, int] = {}
        self.latency_factor = 1.0
        self.rows: dict[_Key, units.Item] = {}
        self._function: Function | None = None
        self._indexes: dict[str, _Indexes] = {}
        self._unmetered: DynamoDBClient = boto3.Session().client("dynamodb")

    def add(self, meter: str, amount: float = 1) -> None:
        """So much more of something."""
        self.usage[meter] = self.usage.get(meter, 0.0) + amount

    @contextmanager
    def invocation(self, function: Function) -> Iterator[None]:
        """A function is invoked."""
        self._function = function
        began = self.clock.now
        self._spend_cpu(assumed.HANDLER_CPU)
        try:
            yield
        finally:
            self._function = None
            self._bill(function, self.clock.now - began)

    def _bill(self, function: Function, seconds: float) -> None:
        billed = math.ceil(round(seconds / assumed.MILLISECOND, 6)) * assumed.MILLISECOND
        billed += assumed.COLD_STARTS.value * assumed.INIT_SECONDS.value
        self.add("lambda.requests")
        self.add("lambda.gb_seconds", billed * function.memory / 1024)
        self.add(f"seconds.{function.name}", billed)
        self.add(f"invocations.{function.name}")

    def _spend_cpu(self, work: assumed.Assumption) -> None:
        share = self._function.cpu_share if self._function else 1.0
        self.clock.spend(work.value * assumed.MILLISECOND / share)

    def _spend(self, latency: str) -> None:
        self._spend_cpu(assumed.SDK_CPU)
        waited = assumed.LATENCY[latency].value * assumed.MILLISECOND
        self.clock.spend(waited * self.latency_factor)

    # What botocore tells.

    def keep_parameters(self, params: Parameters, context: Parameters, **_: object) -> None:
        """botocore's ``before-parameter-build``."""
        context[_PARAMETERS] = dict(params)

    def note(
        self, model: OperationModel, parsed: Parameters, context: Parameters, **_: object
    ) -> None:
        """botocore's ``after-call``, after the last try. ``ValueError`` for what has no meter."""
        service, name = model.service_model.service_name, model.name
        parameters: Parameters = context[_PARAMETERS]
        succeeded = "Error" not in parsed
        if service == "dynamodb":
            self._note_dynamodb(name, parameters, parsed, succeeded=succeeded)
        if self._function is None:
            return
        call = f"{service}.{name}"
        self.calls[call] = self.calls.get(call, 0) + 1
        if service == "s3":
            self._note_s3(name, parameters, succeeded=succeeded)
        elif service == "sqs":
            self._note_sqs(name, parameters)
        elif service == "apigatewaymanagementapi":
            self._spend("socket")
            size = len(parameters.get("Data", b""))
            self.add("socket.posts")
            self.add("socket.messages", units.socket_messages(size))
            self.add("cloudfront.out_bytes", size)
        elif service == "kms":
            self._spend("kms")
            self.add("kms.requests")

    def _note_s3(self, name: str, parameters: Parameters, *, succeeded: bool) -> None:
        if name == "PutObject":
            self._spend("s3.write")
            self.add("s3.writes")
            if succeeded:
                self.add(f"stored.{_kind_of(parameters['Key'])}", _size(parameters["Body"]))
        elif name == "GetObject":
            self._spend("s3.read")
            self.add("s3.reads")
        elif name in _LIST_CALLS:
            self._spend("s3.read")
            self.add("s3.writes")  # lists are of the dearer class
        elif name in _FREE_S3_CALLS:
            self._spend("s3.write")
        else:
            raise ValueError(f"s3.{name} has no meter")

    def _note_sqs(self, name: str, parameters: Parameters) -> None:
        self._spend("sqs")
        if name == "GetQueueUrl":  # once a process
            self.add("sqs.requests")
            return
        if name != "SendMessage":
            raise ValueError(f"sqs.{name} has no meter")
        # The event source receives it, and deletes it when the function has returned.
        count = units.sqs_requests(len(parameters["MessageBody"].encode())) + 2
        self.add("sqs.requests", count)
        if "MessageGroupId" in parameters:
            self.add("sqs.fair_requests", count)

    def _note_dynamodb(
        self, name: str, parameters: Parameters, parsed: Parameters, *, succeeded: bool
    ) -> None:
        if name == "TransactWriteItems":
            self._spend_metered("dynamodb.transaction")
            for action in parameters["TransactItems"]:
                ((verb, one),) = action.items()
                self._write(f"{verb}Item", one, succeeded=succeeded, factor=2)
        elif name in ("PutItem", "UpdateItem", "DeleteItem"):
            self._spend_metered("dynamodb.write")
            self._write(name, parameters, succeeded=succeeded, factor=1)
        elif name in ("GetItem", "Query", "Scan"):
            self._spend_metered("dynamodb.read")
            found = [parsed["Item"]] if "Item" in parsed else parsed.get("Items", [])
            consistent = bool(parameters.get("ConsistentRead"))
            read = units.read_units(found, consistent=consistent)
            self._add_metered("dynamodb.reads", read)
            self._add_metered(f"reads.{parameters['TableName'].rpartition('-')[2]}", read)
        else:
            raise ValueError(f"dynamodb.{name} has no meter")

    def _write(self, name: str, action: Parameters, *, succeeded: bool, factor: int) -> None:
        table = action["TableName"]
        row = action["Item"] if name == "PutItem" else action["Key"]
        key = (table, row["pk"]["S"], row["sk"]["S"])
        before = self.rows.get(key)
        after = self._after(name, action) if succeeded else before
        written = factor * units.write_units(before, after)
        self._add_metered("dynamodb.writes", written)
        self._add_metered(f"rows.{_row_of(key)}", written)
        for index in self._indexes_of(table).values():
            self._add_metered(
                "dynamodb.index_writes", units.index_write_units(index, before, after)
            )
        if after is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = after

    def _after(self, name: str, action: Parameters) -> units.Item | None:
        if name == "PutItem":
            item: units.Item = action["Item"]
            return item
        if name == "DeleteItem":
            return None
        found = self._unmetered.get_item(
            TableName=action["TableName"], Key=action["Key"], ConsistentRead=True
        )
        return found["Item"]

    def _indexes_of(self, table: str) -> _Indexes:
        if table not in self._indexes:
            described = self._unmetered.describe_table(TableName=table)["Table"]
            self._indexes[table] = {
                index["IndexName"]: _projection(index)
                for index in described.get("GlobalSecondaryIndexes", [])
            }
        return self._indexes[table]

    def _spend_metered(self, latency: str) -> None:
        if self._function is not None:
            self._spend(latency)

    def _add_metered(self, meter: str, amount: float) -> None:
        if self._function is not None:
            self.add(meter, amount)


@contextmanager
def metered(meter: Meter) -> Iterator[None]:
    """All calls made through ``chalicelib.adapters.aws.clients`` are the meter's to note."""
    clients.forget()  # clients take their session's handlers along when they are made
    events = clients.session().events
    handlers: list[tuple[str, Callable[..., None]]] = []
    for service in _SERVICES:
        handlers += [
            (f"before-parameter-build.{service}", meter.keep_parameters),
            (f"after-call.{service}", meter.note),
        ]
    for event, handler in handlers:
        events.register(event, handler)
    try:
        yield
    finally:
        clients.forget()


def _projection(index: Mapping[str, Any]) -> units.Projection:
    first, second = (part["AttributeName"] for part in index["KeySchema"])
    projection = index["Projection"]
    copied = projection.get("NonKeyAttributes", [])
    everything = projection["ProjectionType"] == "ALL"
    return units.Projection((first, second), None if everything else frozenset(copied))


def _row_of(key: _Key) -> str:
    """What kind of row it is, for the table of where writes go."""
    _, partition, sort = key
    return sort.partition("#")[0] if partition.startswith("run#") else partition.partition("#")[0]


def _kind_of(key: str) -> str:
    return "runs" if key.startswith("runs/") else "library"


def _size(body: bytes | io.BytesIO) -> int:
    """botocore has made a file of what it was given."""
    return len(body) if isinstance(body, bytes) else body.getbuffer().nbytes
