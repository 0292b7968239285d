"""The logs of runs on a DynamoDB table; ``run_rows`` describes its rows."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from chalicelib.adapters.aws import clients, run_rows, tables
from chalicelib.adapters.limits import check_header_changes, check_key, check_value, is_key
from chalicelib.errors import Conflict, LogMovedOn, NotFound
from chalicelib.ports import Batch, Clock, Idempotency, Run

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import (
        PutTypeDef,
        QueryInputTypeDef,
        ScanInputTypeDef,
        TransactWriteItemTypeDef,
        UniversalAttributeValueTypeDef,
    )

    from chalicelib.adapters.aws.tables import FoundItem

BATCH_LIFETIME = 60 * 24 * 3600
"""Seconds that batches are kept. A header must expire before its batches do."""

_ABSENT = "attribute_not_exists(pk)"
_FIRST_TAIL_PAGE = 4


class DynamoRunLog:
    """A ``RunLog`` on the table of that name, with its sparse index ``active``.

    Batches are written with their expiry, ``BATCH_LIFETIME`` ahead, and DynamoDB
    drops a run row by row. So a run counts as absent from its header's expiry on.
    """

    def __init__(self, table: str, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def create(
        self, run: Run, batch: Batch | None = None, idempotency: Idempotency | None = None
    ) -> Idempotency | None:
        """Write header, first events and idempotency row, all or none; ``Conflict``."""
        check_key(run.prompt_id)
        check_value(run.payload or "")
        header: PutTypeDef = {
            "TableName": self._table,
            "Item": run_rows.header_item(run),
            "ConditionExpression": _ABSENT,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        actions: list[TransactWriteItemTypeDef] = [{"Put": header}]
        if idempotency is not None:
            actions.append({"Put": self._put_idempotency(idempotency)})
        if batch is not None:
            actions.append({"Put": self._put_batch(run.prompt_id, batch)})
        try:
            tables.write(*actions)
        except tables.ConditionLost as lost:
            if idempotency is not None and 1 in lost.found:
                return run_rows.read_idempotency(lost.found[1], idempotency)
            if lost.retried and run_rows.read_header(lost.found[0]) == run:
                return None  # written by our own first try, whose answer was lost
            raise Conflict("This prompt id is in use") from lost
        return None

    def load(self, prompt_id: str) -> tuple[Run, list[Batch]]:
        """The header and the whole log in order, consistent; ``NotFound``."""
        if not is_key(prompt_id):
            raise NotFound("No such run")
        rows = list(self._rows(self._rows_of(prompt_id)))  # "events#" sorts before "header"
        if not rows or rows[-1]["sk"]["S"] != run_rows.HEADER:
            raise NotFound("No such run")
        return self._current(rows[-1]), [run_rows.read_batch(row) for row in rows[:-1]]

    def header(self, prompt_id: str) -> Run:
        """The header alone; ``NotFound``."""
        if not is_key(prompt_id):
            raise NotFound("No such run")
        answer = clients.dynamodb().get_item(
            TableName=self._table, Key=run_rows.run_key(prompt_id), ConsistentRead=True
        )
        if "Item" not in answer:
            raise NotFound("No such run")
        return self._current(answer["Item"])

    def tail(self, prompt_id: str, after: int) -> list[Batch]:
        """The batches that hold any event past sequence ``after``, in order.

        Read newest first, until one holds the next event or what came before: a
        look that finds little new reads little, however long the log is.
        """
        if not is_key(prompt_id):
            return []
        request = self._rows_of(prompt_id)
        request["KeyConditionExpression"] = "pk = :pk AND begins_with(sk, :events)"
        request["ExpressionAttributeValues"] = {
            **request["ExpressionAttributeValues"],
            ":events": {"S": run_rows.EVENTS},
        }
        request["ScanIndexForward"] = False
        request["Limit"] = _FIRST_TAIL_PAGE
        found: list[Batch] = []
        for row in self._rows(request):
            batch = run_rows.read_batch(row)
            if batch.last > after:
                found.append(batch)
            if batch.first <= after + 1:
                break
        return found[::-1]

    def append(
        self, prompt_id: str, batch: Batch, *, header: Mapping[str, Any] | None = None
    ) -> None:
        """Commit a batch, and header changes with it; ``LogMovedOn``, ``NotFound``."""
        check_key(prompt_id)
        check_header_changes(header or ())
        actions: list[TransactWriteItemTypeDef] = [{"Put": self._put_batch(prompt_id, batch)}]
        if header:
            actions.append({"Update": run_rows.header_update(self._table, prompt_id, header)})
        try:
            tables.write(*actions)
        except tables.ConditionLost as lost:
            if 0 not in lost.found:
                raise NotFound("No such run") from lost
            if run_rows.read_batch(lost.found[0]) != batch:
                raise LogMovedOn(f"Sequence {batch.first} is taken") from lost

    def update(self, prompt_id: str, changes: Mapping[str, Any]) -> None:
        """Change fields of the header; ``NotFound``."""
        check_header_changes(changes)
        if not is_key(prompt_id):
            raise NotFound("No such run")
        try:
            tables.write({"Update": run_rows.header_update(self._table, prompt_id, changes)})
        except tables.ConditionLost as lost:
            raise NotFound("No such run") from lost

    def active(self, owner: str | None = None) -> list[Run]:
        """Headers (without payload) that are queued or running, oldest first."""
        if owner is None:
            rows = self._scan({"TableName": self._table, "IndexName": "active"})
        else:
            rows = self._rows(
                {
                    "TableName": self._table,
                    "IndexName": "active",
                    "KeyConditionExpression": "activeOwner = :owner",
                    "ExpressionAttributeValues": {":owner": {"S": owner}},
                }
            )
        runs = [run_rows.read_header(row) for row in rows]
        return sorted(runs, key=lambda run: (run.submitted_at, run.prompt_id))

    def purge(self, prompt_id: str) -> None:
        """Remove a run for good: its header first, so that nobody goes on with it."""
        if is_key(prompt_id):
            self._remove(run_rows.run_key(prompt_id)["pk"], newest_first=True)

    def purge_keys(self, owner: str) -> int:
        """Remove all idempotency rows of an owner for good; how many."""
        return self._remove({"S": f"{run_rows.IDEMPOTENCY}{owner}"}, newest_first=False)

    def expire(self, now: float) -> int:  # noqa: ARG002 (the port's)
        """Nothing to do: DynamoDB drops rows past their ``ttl``."""
        return 0

    def _current(self, row: "FoundItem") -> Run:
        run = run_rows.read_header(row)
        if run.expires_at is not None and run.expires_at <= self._clock.now():
            raise NotFound("No such run")
        return run

    def _put_batch(self, prompt_id: str, batch: Batch) -> "PutTypeDef":
        check_value(batch.events)
        expires_at = int(self._clock.now()) + BATCH_LIFETIME
        return {
            "TableName": self._table,
            "Item": run_rows.batch_item(prompt_id, batch, expires_at),
            "ConditionExpression": _ABSENT,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _put_idempotency(self, row: Idempotency) -> "PutTypeDef":
        return {
            "TableName": self._table,
            "Item": run_rows.idempotency_item(row),
            "ConditionExpression": f"{_ABSENT} OR #ttl <= :now",
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": {":now": {"N": str(self._clock.now())}},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _rows_of(self, prompt_id: str) -> "QueryInputTypeDef":
        return {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": {":pk": run_rows.run_key(prompt_id)["pk"]},
        }

    def _rows(self, request: "QueryInputTypeDef") -> "Iterator[FoundItem]":
        """All pages of a query; only the first may have a limit."""
        while True:
            answer = clients.dynamodb().query(**request)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
            request.pop("Limit", None)

    def _remove(self, partition: "UniversalAttributeValueTypeDef", *, newest_first: bool) -> int:
        rows = self._rows(
            {
                "TableName": self._table,
                "ConsistentRead": True,
                "KeyConditionExpression": "pk = :pk",
                "ExpressionAttributeValues": {":pk": partition},
                "ScanIndexForward": not newest_first,
            }
        )
        count = 0
        for row in rows:
            key = {"pk": row["pk"], "sk": row["sk"]}
            tables.write({"Delete": {"TableName": self._table, "Key": key}})
            count += 1
        return count

    def _scan(self, request: "ScanInputTypeDef") -> "Iterator[FoundItem]":
        while True:
            answer = clients.dynamodb().scan(**request)
            yield from answer["Items"]
            if "LastEvaluatedKey" not in answer:
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]
