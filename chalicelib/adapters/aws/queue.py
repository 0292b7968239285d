"""A queue on SQS. Its time-out and dead-letter queue are the queue's own attributes."""

import hashlib
import math
import re
import threading
import time
from typing import Final

from botocore.exceptions import ClientError

from chalicelib.adapters.aws import clients
from chalicelib.adapters.aws.failures import code_of
from chalicelib.adapters.limits import check_value
from chalicelib.ports import Depth, Message

_LONGEST_POLL = 20
_PAUSE = 0.05
_VISIBLE: Final = "ApproximateNumberOfMessages"
_IN_FLIGHT: Final = "ApproximateNumberOfMessagesNotVisible"
_GONE = {
    "AWS.SimpleQueueService.MessageNotInflight",
    "InvalidParameterValue",
    "MessageNotInflight",
    "ReceiptHandleIsInvalid",
}
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
_GROUP = re.compile(r"[!-~]{1,128}")


class SqsQueue:
    """A ``Queue`` on the standard queue of that name.

    A standard queue with message groups is a fair queue: a group with many
    messages in flight does not delay the others. A group that SQS would refuse
    is sent, and comes back, as its SHA-256.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._url: str | None = None
        self._lock = threading.Lock()

    def send(self, body: str, *, group: str, delay: int = 0) -> None:
        """Queue a message, visible after ``delay`` seconds; durable on return."""
        check_value(body)
        clients.sqs().send_message(
            QueueUrl=self._queue_url(),
            MessageBody=body,
            MessageGroupId=_group_id(group),
            DelaySeconds=delay,
        )

    def receive(self, *, wait: float = 0.0) -> Message | None:
        """Take one message and hide it; waits up to ``wait`` seconds for one to come."""
        deadline = time.monotonic() + wait
        while True:
            message = self._receive(max(0.0, deadline - time.monotonic()))
            left = deadline - time.monotonic()
            if message is not None or left <= 0:
                return message
            time.sleep(min(_PAUSE, left))

    def extend(self, receipt: str, seconds: int) -> None:
        """Hide a received message for so long from now; 0 gives it back at once."""
        try:
            clients.sqs().change_message_visibility(
                QueueUrl=self._queue_url(), ReceiptHandle=receipt, VisibilityTimeout=seconds
            )
        except ClientError as error:
            if code_of(error) not in _GONE:
                raise

    def delete(self, receipt: str) -> None:
        """The message is done. Unknown receipts are fine."""
        try:
            clients.sqs().delete_message(QueueUrl=self._queue_url(), ReceiptHandle=receipt)
        except ClientError as error:
            if code_of(error) not in _GONE:
                raise

    def depth(self) -> Depth:
        """How much there is in the queue, as SQS guesses."""
        attributes = clients.sqs().get_queue_attributes(
            QueueUrl=self._queue_url(), AttributeNames=[_VISIBLE, _IN_FLIGHT]
        )["Attributes"]
        return Depth(visible=int(attributes[_VISIBLE]), in_flight=int(attributes[_IN_FLIGHT]))

    def _receive(self, wait: float) -> Message | None:
        answer = clients.sqs().receive_message(
            QueueUrl=self._queue_url(),
            MaxNumberOfMessages=1,
            WaitTimeSeconds=min(_LONGEST_POLL, math.ceil(wait)),
            MessageSystemAttributeNames=["ApproximateReceiveCount", "MessageGroupId"],
        )
        for message in answer.get("Messages", []):
            return Message(
                id=message["MessageId"],
                body=message["Body"],
                group=message["Attributes"].get("MessageGroupId", ""),
                receipt=message["ReceiptHandle"],
                receive_count=int(message["Attributes"]["ApproximateReceiveCount"]),
            )
        return None

    def _queue_url(self) -> str:
        with self._lock:
            if self._url is None:
                self._url = clients.sqs().get_queue_url(QueueName=self._name)["QueueUrl"]
            return self._url


def _group_id(group: str) -> str:
    if _GROUP.fullmatch(group):
        return group
    return hashlib.sha256(group.encode(errors="surrogatepass")).hexdigest()
