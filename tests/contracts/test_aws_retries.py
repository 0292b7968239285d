"""What the AWS family does when an answer is lost, or rows are busy.

The SDK's own events play the failures: ``needs-retry`` makes it send a request
again that has worked, and ``before-call`` answers in AWS's place.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

import pytest

from chalicelib.adapters.aws import clients
from chalicelib.errors import ConditionFailed, Conflict, PreconditionFailed
from chalicelib.ports import Add, Batch, Entry, Put, Remove, Run
from tests.contracts.conftest import Ports

RUN = Run("run-1", "ada", "queued", 1_800_000_000_000, lease_until=5.0)
NAME = Put(Entry("names#ada", "hello", {"id": "1"}), if_absent=True)


ONGOING = {
    "Error": {"Code": "TransactionConflictException", "Message": "Transaction is ongoing"},
    "ResponseMetadata": {"HTTPStatusCode": 400, "RetryAttempts": 0},
}


class Answer(NamedTuple):
    """The part of an HTTP response that the SDK looks at."""

    status_code: int


@pytest.fixture
def lost_answers(aws: Ports) -> Iterator[None]:
    """Every first answer is lost after AWS did the work; the SDK asks again."""

    def again(attempts: int, **_: object) -> Any:
        return 0 if attempts == 1 else None

    clients.forget()
    clients.session().events.register_first("needs-retry", again)
    yield
    clients.forget()


@pytest.mark.usefixtures("lost_answers")
def test_a_create_whose_answer_was_lost_succeeds(aws: Ports) -> None:
    written = aws.documents.put("card", b"one", if_absent=True)
    assert aws.documents.get("card").version == written.version
    assert len(aws.documents.versions("card")) == 1


@pytest.mark.usefixtures("lost_answers")
def test_a_save_whose_answer_was_lost_succeeds(aws: Ports) -> None:
    first = aws.documents.put("card", b"one", if_absent=True)
    second = aws.documents.put("card", b"two", if_match=first.etag)
    assert aws.documents.get("card").etag == second.etag


@pytest.mark.usefixtures("lost_answers")
def test_a_save_that_really_lost_is_still_refused(aws: Ports) -> None:
    aws.documents.put("card", b"one", if_absent=True)
    with pytest.raises(PreconditionFailed):
        aws.documents.put("card", b"two", if_absent=True)
    with pytest.raises(PreconditionFailed):
        aws.documents.put("gone", b"two", if_match="0123")


@pytest.mark.usefixtures("lost_answers")
def test_a_unique_row_whose_answer_was_lost_is_ours(aws: Ports) -> None:
    aws.index.write(NAME)
    assert aws.index.get("names#ada", "hello") == NAME.entry


@pytest.mark.usefixtures("lost_answers")
def test_a_unique_row_of_another_is_still_refused(aws: Ports) -> None:
    aws.index.write(Put(replace(NAME.entry, value={"id": "2"})))
    with pytest.raises(ConditionFailed):
        aws.index.write(NAME)


@pytest.mark.usefixtures("lost_answers")
def test_a_run_whose_answer_was_lost_is_created(aws: Ports) -> None:
    assert aws.log.create(RUN) is None
    with pytest.raises(Conflict):
        aws.log.create(replace(RUN, owner="bob"))


@pytest.mark.usefixtures("lost_answers")
def test_an_append_whose_answer_was_lost_is_committed_once(aws: Ports) -> None:
    batch = Batch(1, 1, "[1]", "worker")
    aws.log.append("run-1", batch)
    assert aws.log.tail("run-1", 0) == [batch]


def busy(calls: int, parsed: dict[str, Any], operation: str) -> list[str]:
    """The next calls of an operation get this answer; returns what is noted of each."""
    noted: list[str] = []

    def answer(**_: object) -> Any:
        noted.append(operation)
        return (Answer(400), parsed) if len(noted) <= calls else None

    clients.dynamodb().meta.events.register(f"before-call.dynamodb.{operation}", answer)
    return noted


@pytest.fixture
def fresh_clients(aws: Ports) -> Iterator[None]:
    """Clients whose events are dropped after the test."""
    clients.forget()
    yield
    clients.forget()


def canceled(*codes: str) -> dict[str, Any]:
    return {
        "Error": {"Code": "TransactionCanceledException", "Message": "Transaction cancelled"},
        "CancellationReasons": [{"Code": code} for code in codes],
        "ResponseMetadata": {"HTTPStatusCode": 400, "RetryAttempts": 0},
    }


@pytest.mark.usefixtures("fresh_clients")
def test_a_transaction_waits_for_another(aws: Ports) -> None:
    noted = busy(3, canceled("TransactionConflict", "None"), "TransactWriteItems")
    aws.index.write(NAME, Remove("names#ada", "old"))
    assert len(noted) == 4
    assert aws.index.get("names#ada", "hello") == NAME.entry


@pytest.mark.usefixtures("fresh_clients")
def test_a_row_waits_for_a_transaction(aws: Ports) -> None:
    noted = busy(2, ONGOING, "PutItem")
    aws.index.write(NAME)
    assert len(noted) == 3


@pytest.mark.usefixtures("fresh_clients")
def test_a_row_that_stays_busy_is_a_conflict(aws: Ports) -> None:
    busy(100, canceled("TransactionConflict", "None"), "TransactWriteItems")
    with pytest.raises(Conflict, match="Too many requests"):
        aws.index.write(NAME, Remove("names#ada", "old"))


@pytest.mark.usefixtures("fresh_clients")
def test_a_lost_condition_is_not_tried_again(aws: Ports) -> None:
    answer = canceled("TransactionConflict", "ConditionalCheckFailed")
    noted = busy(100, answer, "TransactWriteItems")
    with pytest.raises(ConditionFailed) as caught:
        aws.index.write(Remove("names#ada", "old"), NAME)
    assert caught.value.positions == (1,)
    assert len(noted) == 1


@pytest.mark.usefixtures("fresh_clients")
def test_an_addition_waits_for_a_transaction(aws: Ports) -> None:
    addition = Add("ada", "usage", {"bytes": 5}, {"bytes": 9})
    noted = busy(2, ONGOING, "UpdateItem")
    assert aws.index.add(addition) == {"bytes": 5}
    assert len(noted) == 3
    with pytest.raises(ConditionFailed):
        aws.index.add(addition)


@pytest.mark.usefixtures("fresh_clients")
def test_a_row_whose_answer_was_lost_before_a_transaction_held_it_is_ours(aws: Ports) -> None:
    """The SDK's second request meets the transaction, and what is tried then our own row."""
    aws.index.write(NAME)
    again = {**ONGOING, "ResponseMetadata": {"HTTPStatusCode": 400, "RetryAttempts": 1}}
    noted = busy(1, again, "PutItem")
    aws.index.write(NAME)
    assert len(noted) == 2
