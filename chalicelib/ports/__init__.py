"""What the product needs from the outside, as protocols.

Two families implement them: ``adapters/aws`` (S3, DynamoDB, SQS, API Gateway)
and ``adapters/embedded`` (one SQLite file; in memory it is the fake of the
tests). ``tests/contracts`` holds one suite a port, run on both.

All calls are synchronous, may be made from any thread, and raise the errors of
``chalicelib.errors`` that their docstrings name.
"""

from chalicelib.ports.clock import Clock
from chalicelib.ports.documents import DocumentStore, DocumentVersion, Revision, StoredDocument
from chalicelib.ports.downloads import Downloads
from chalicelib.ports.index import Add, Change, Entry, Index, Page, Put, Remove, TextPage
from chalicelib.ports.metrics import Measurement, Metrics
from chalicelib.ports.queue import Depth, Message, Queue
from chalicelib.ports.runs import ACTIVE_STATUSES, RUN_FORMAT, Batch, Idempotency, Run, RunLog
from chalicelib.ports.secrets import Vault
from chalicelib.ports.sockets import Connection, Delivery, Publisher
from chalicelib.ports.uploads import UploadOffer, Uploads

__all__ = [
    "ACTIVE_STATUSES",
    "RUN_FORMAT",
    "Add",
    "Batch",
    "Change",
    "Clock",
    "Connection",
    "Delivery",
    "Depth",
    "DocumentStore",
    "DocumentVersion",
    "Downloads",
    "Entry",
    "Idempotency",
    "Index",
    "Measurement",
    "Message",
    "Metrics",
    "Page",
    "Publisher",
    "Put",
    "Queue",
    "Remove",
    "Revision",
    "Run",
    "RunLog",
    "StoredDocument",
    "TextPage",
    "UploadOffer",
    "Uploads",
    "Vault",
]
