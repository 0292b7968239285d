"""The index on a DynamoDB table: partition ``pk``, sort key ``sk``, JSON in ``value``.

A row of numbers has an attribute a number instead, ``n_`` and its name.

DynamoDB drops rows past ``ttl`` within days only, so they are hidden here.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from chalicelib import json_text
from chalicelib.adapters.aws import clients, tables
from chalicelib.adapters.limits import (
    MAX_PARTITION_BYTES,
    check_changes,
    check_page,
    check_value,
    is_key,
    is_row,
)
from chalicelib.errors import ConditionFailed
from chalicelib.ports import Add, Change, Clock, Entry, Page, Put, Remove, TextPage

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import (
        PutTypeDef,
        QueryInputTypeDef,
        TransactWriteItemTypeDef,
        UpdateTypeDef,
    )

    from chalicelib.adapters.aws.tables import FoundItem


_NUMBER = "n_"


class DynamoIndex:
    """An ``Index`` on the table of that name."""

    def expire(self, now: float) -> int:  # noqa: ARG002 (the port's)
        """Nothing to do: DynamoDB drops rows past their ``ttl``."""
        return 0

    def __init__(self, table: str, clock: Clock) -> None:
        self._table = table
        self._clock = clock

    def get(self, partition: str, key: str) -> Entry | None:
        """One row; None if it is absent or past its expiry."""
        if not is_row(partition, key):
            return None
        answer = clients.dynamodb().get_item(
            TableName=self._table,
            Key={"pk": {"S": partition}, "sk": {"S": key}},
            ConsistentRead=True,
        )
        entry = _entry(answer["Item"]) if "Item" in answer else None
        if entry and entry.expires_at is not None and entry.expires_at <= self._clock.now():
            return None
        return entry

    def query(
        self,
        partition: str,
        prefix: str = "",
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> Page:
        """Rows whose keys start with ``prefix``, by key; ``limit`` None gives all."""
        found, last = self._items(partition, prefix, limit, after)
        return Page([_entry(item) for item in found], last)

    def texts(
        self,
        partition: str,
        prefix: str = "",
        *,
        limit: int | None = None,
        after: str | None = None,
    ) -> TextPage:
        """What ``query`` gives, as it was written."""
        found, last = self._items(partition, prefix, limit, after)
        return TextPage([(item["sk"]["S"], item["value"]["S"]) for item in found], last)

    def write(self, *changes: Change) -> None:
        """Apply changes of distinct rows, all or none; ``ConditionFailed``."""
        check_changes(changes)
        actions = [self._action(change) for change in changes]
        try:
            tables.write(*actions)
        except tables.ConditionLost as lost:
            if lost.retried and _is_written(changes[0], lost.found[0]):
                return  # by our own first try, whose answer was lost
            raise ConditionFailed(tuple(sorted(lost.found))) from lost

    def add(self, addition: Add) -> Mapping[str, int]:
        """Apply it alone; the numbers after it; ``ConditionFailed``."""
        check_changes([addition])
        try:
            return _numbers(tables.update(self._addition(addition)))
        except tables.ConditionLost as lost:
            raise ConditionFailed((0,)) from lost

    def _request(self, partition: str, prefix: str, after: str | None) -> "QueryInputTypeDef":
        request: QueryInputTypeDef = {
            "TableName": self._table,
            "ConsistentRead": True,
            "KeyConditionExpression": "pk = :pk",
            "FilterExpression": tables.NOT_EXPIRED,
            "ExpressionAttributeNames": {"#ttl": "ttl"},
            "ExpressionAttributeValues": {":pk": {"S": partition}, ":now": self._now()},
        }
        if prefix:
            request["KeyConditionExpression"] = "pk = :pk AND begins_with(sk, :prefix)"
            request["ExpressionAttributeValues"] = {
                **request["ExpressionAttributeValues"],
                ":prefix": {"S": prefix},
            }
        if after is not None and after.startswith(prefix):
            request["ExclusiveStartKey"] = {"pk": {"S": partition}, "sk": {"S": after}}
        return request

    def _items(
        self, partition: str, prefix: str, limit: int | None, after: str | None
    ) -> "tuple[list[FoundItem], str | None]":
        """The items, and the key to go on from."""
        check_page(limit, after)
        if not is_key(partition, MAX_PARTITION_BYTES) or (prefix and not is_key(prefix)):
            return [], None
        if after is not None and after > prefix and not after.startswith(prefix):
            return [], None  # all keys of the prefix come before
        request = self._request(partition, prefix, after)
        found: list[FoundItem] = []
        while True:
            if limit is not None:
                request["Limit"] = limit + 1 - len(found)
            answer = clients.dynamodb().query(**request)
            found += answer["Items"]
            if limit is not None and len(found) > limit:
                return found[:limit], found[limit - 1]["sk"]["S"]
            if "LastEvaluatedKey" not in answer:
                return found, None
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _action(self, change: Change) -> "TransactWriteItemTypeDef":
        if isinstance(change, Remove):
            return self._remove(change)
        if isinstance(change, Add):
            return {"Update": self._addition(change)}
        text = json_text.dumps_exact(change.entry.value)
        check_value(text)
        put: PutTypeDef = {
            "TableName": self._table,
            "Item": {
                "pk": {"S": change.entry.partition},
                "sk": {"S": change.entry.key},
                "value": {"S": text},
            },
        }
        if change.entry.expires_at is not None:
            put["Item"] = {**put["Item"], "ttl": {"N": str(change.entry.expires_at)}}
        if change.replacing is not None:
            old = json_text.dumps_exact(change.replacing)
            put["ConditionExpression"] = f"#value = :old AND {tables.NOT_EXPIRED}"
            put["ExpressionAttributeNames"] = {"#ttl": "ttl", "#value": "value"}
            put["ExpressionAttributeValues"] = {":now": self._now(), ":old": {"S": old}}
            put["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        elif change.if_absent:
            put["ConditionExpression"] = "attribute_not_exists(pk) OR #ttl <= :now"
            put["ExpressionAttributeNames"] = {"#ttl": "ttl"}
            put["ExpressionAttributeValues"] = {":now": self._now()}
            put["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return {"Put": put}

    def _addition(self, change: Add) -> "UpdateTypeDef":
        names = {f"#n{place}": _NUMBER + name for place, name in enumerate(change.amounts)}
        values = {f":n{place}": {"N": str(n)} for place, n in enumerate(change.amounts.values())}
        expression = "ADD " + ", ".join(
            f"#n{place} :n{place}" for place in range(len(change.amounts))
        )
        conditions: list[str] = []
        for place, (name, amount) in enumerate(change.amounts.items()):
            if amount <= 0 or name not in change.at_most:
                continue
            room = change.at_most[name] - amount
            values[f":room{place}"] = {"N": str(room)}
            fits = f"#n{place} <= :room{place}"
            is_zero = f"attribute_not_exists(#n{place})"
            conditions.append(f"({is_zero} OR {fits})" if room >= 0 else fits)
        if change.expires_at is not None:
            expression += " SET #ttl = :ttl"
            names["#ttl"] = "ttl"
            values[":ttl"] = {"N": str(change.expires_at)}
        update: UpdateTypeDef = {
            "TableName": self._table,
            "Key": {"pk": {"S": change.partition}, "sk": {"S": change.key}},
            "UpdateExpression": expression,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
        if conditions:
            update["ConditionExpression"] = " AND ".join(conditions)
        return update

    def _remove(self, change: Remove) -> "TransactWriteItemTypeDef":
        key = {"pk": {"S": change.partition}, "sk": {"S": change.key}}
        if not change.if_present:
            return {"Delete": {"TableName": self._table, "Key": key}}
        return {
            "Delete": {
                "TableName": self._table,
                "Key": key,
                "ConditionExpression": f"attribute_exists(pk) AND {tables.NOT_EXPIRED}",
                "ExpressionAttributeNames": {"#ttl": "ttl"},
                "ExpressionAttributeValues": {":now": self._now()},
            }
        }

    def _now(self) -> dict[str, str]:
        return {"N": str(self._clock.now())}


def _is_written(change: Change, found: "FoundItem") -> bool:
    return isinstance(change, Put) and bool(found) and _entry(found) == change.entry


def _entry(item: "FoundItem") -> Entry:
    return Entry(
        partition=item["pk"]["S"],
        key=item["sk"]["S"],
        value=json_text.loads_exact(item["value"]["S"]) if "value" in item else _numbers(item),
        expires_at=int(item["ttl"]["N"]) if "ttl" in item else None,
    )


def _numbers(item: "FoundItem") -> dict[str, int]:
    return {
        name.removeprefix(_NUMBER): int(value["N"])
        for name, value in item.items()
        if name.startswith(_NUMBER)
    }
