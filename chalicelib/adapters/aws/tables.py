"""Conditional writes of DynamoDB, of one row or of several at once."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar, cast

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import clients
from chalicelib.adapters.aws.failures import code_of, was_retried
from chalicelib.errors import Conflict

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import (
        AttributeValueTypeDef,
        TransactWriteItemTypeDef,
        UniversalAttributeValueTypeDef,
        UpdateTypeDef,
    )

    Item = Mapping[str, UniversalAttributeValueTypeDef]
    FoundItem = Mapping[str, AttributeValueTypeDef]

# Six requests of one user at once meet at one row; each holds it for some 20 ms.
_ATTEMPTS = 8
_FIRST_PAUSE_SECONDS = 0.02
_CONDITION = "ConditionalCheckFailed"
_CONFLICT = "TransactionConflict"
_BUSY = {_CONFLICT, "ThrottlingError", "ProvisionedThroughputExceeded"}
_Answer = TypeVar("_Answer")

NOT_EXPIRED = "(attribute_not_exists(#ttl) OR #ttl > :now)"


class ConditionLost(Exception):  # noqa: N818 (the name reads as what happened)
    """Conditions did not hold: ``found`` has the row that was there, by position.

    An empty row if there was none, or if the action did not ask for it.
    ``retried`` tells that the SDK sent a write of one row more than once, so that
    the row found may be this very one. A transaction is told apart by its token.
    """

    def __init__(self, found: "Mapping[int, FoundItem]", *, retried: bool) -> None:
        super().__init__("A condition of a write did not hold")
        self.found = found
        self.retried = retried


def write(*actions: "TransactWriteItemTypeDef") -> None:
    """Apply one action as it is, several as a transaction; ``ConditionLost``.

    Waits and tries again while another transaction holds a row; if that does
    not end, ``Conflict``.
    """
    _patiently(lambda: _write(actions))


def update(change: "UpdateTypeDef") -> "FoundItem":
    """Apply an update alone, as ``write`` does; the row after it."""
    return _patiently(
        lambda: clients.dynamodb().update_item(**change, ReturnValues="ALL_NEW")["Attributes"]
    )


def _patiently(call: Callable[[], _Answer]) -> _Answer:
    retried = False
    for attempt in range(_ATTEMPTS):
        if attempt:
            longest = _FIRST_PAUSE_SECONDS * 2**attempt
            time.sleep(random.uniform(0, longest))  # noqa: S311 (spreads writers, no secret)
        try:
            return call()
        except ClientError as error:
            retried = retried or was_retried(error)
            lost = _lost(error, retried=retried)
            if lost is not None:
                raise lost from error
            if not _is_busy(error):
                raise
    raise Conflict("Too many requests change the same thing at once")


def _write(actions: "Sequence[TransactWriteItemTypeDef]") -> None:
    if len(actions) == 1:
        _write_one(actions[0])
    else:
        clients.dynamodb().transact_write_items(TransactItems=actions)


def _write_one(action: "TransactWriteItemTypeDef") -> None:
    if "Put" in action:
        clients.dynamodb().put_item(**action["Put"])
    elif "Update" in action:
        clients.dynamodb().update_item(**action["Update"])
    elif "Delete" in action:
        clients.dynamodb().delete_item(**action["Delete"])


def _lost(error: ClientError, *, retried: bool) -> ConditionLost | None:
    single = code_of(error) == f"{_CONDITION}Exception"
    if single:
        reasons = [{**error.response, "Code": _CONDITION}]
    else:
        reasons = [{**reason} for reason in error.response.get("CancellationReasons", [])]
    found = {
        position: cast("FoundItem", reason.get("Item", {}))
        for position, reason in enumerate(reasons)
        if reason.get("Code") == _CONDITION
    }
    return ConditionLost(found, retried=single and retried) if found else None


def _is_busy(error: ClientError) -> bool:
    if code_of(error) == f"{_CONFLICT}Exception":
        return True
    reasons = error.response.get("CancellationReasons", [])
    return any(reason.get("Code") in _BUSY for reason in reasons)
