"""The ports: which adapter stands behind each."""

from typing import TYPE_CHECKING

from chalicelib.container.parts import _opened, clock, part, settings
from chalicelib.ports import DocumentStore, Index, Metrics, Publisher, Queue, RunLog, Uploads, Vault

if TYPE_CHECKING:
    from chalicelib.adapters.embedded.database import Database


MAX_RECEIVES = 5

_VISIBILITY_SECONDS = 60


@part
def database() -> "Database":
    """The one file of the embedded family; ``DatabaseUnusable``."""
    from chalicelib.adapters.embedded.database import Database

    directory = settings().data_dir
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    opened = Database(directory / "tavern.db")
    _opened.append(opened.close)
    return opened


@part
def documents() -> DocumentStore:
    """The objects: the truth of projects, workflows and ended runs."""
    if settings().backend == "embedded":
        from chalicelib.adapters.embedded.documents import EmbeddedDocuments

        return EmbeddedDocuments(database(), clock())
    from chalicelib.adapters.aws.documents import S3Documents

    return S3Documents(settings().bucket)


@part
def index() -> Index:
    """The lists."""
    if settings().backend == "embedded":
        from chalicelib.adapters.embedded.index import EmbeddedIndex

        return EmbeddedIndex(database(), clock())
    from chalicelib.adapters.aws.index import DynamoIndex

    return DynamoIndex(settings().resource("library"), clock())


@part
def run_log() -> RunLog:
    """The logs of runs."""
    if settings().backend == "embedded":
        from chalicelib.adapters.embedded.run_log import EmbeddedRunLog

        return EmbeddedRunLog(database(), clock())
    from chalicelib.adapters.aws.run_log import DynamoRunLog

    return DynamoRunLog(settings().resource("executions"), clock())


@part
def queue() -> Queue:
    """Runs on their way to a worker."""
    return _queue("runs", "runs-dead")


@part
def dead_letters() -> Queue:
    """Runs that were tried too often."""
    return _queue("runs-dead", None)


@part
def import_queue() -> Queue:
    """Imports on their way to a worker."""
    return _queue("imports", "imports-dead")


@part
def dead_imports() -> Queue:
    """Imports that were tried too often."""
    return _queue("imports-dead", None)


def _queue(name: str, dead_letter: str | None) -> Queue:
    if settings().backend == "embedded":
        from chalicelib.adapters.embedded.publisher import EmbeddedPublisher
        from chalicelib.adapters.embedded.queue import EmbeddedQueue

        hub = publisher()
        return EmbeddedQueue(
            database(),
            clock(),
            name,
            visibility_timeout=_VISIBILITY_SECONDS,
            max_receives=MAX_RECEIVES,
            dead_letter=dead_letter,
            wake=hub.wake if isinstance(hub, EmbeddedPublisher) else None,
        )
    from chalicelib.adapters.aws.queue import SqsQueue

    return SqsQueue(settings().resource(name))


@part
def publisher() -> Publisher:
    """The way to the sockets."""
    if settings().backend == "embedded":
        from chalicelib.adapters.embedded.publisher import EmbeddedPublisher

        hub = EmbeddedPublisher(settings().hub or "")
        _opened.append(hub.disconnect)
        return hub
    from chalicelib.adapters.aws.publisher import GatewayPublisher

    return GatewayPublisher()


@part
def vault() -> Vault:
    """What wraps the keys of secrets."""
    if settings().backend == "embedded":
        from chalicelib.adapters.embedded.vault import EmbeddedVault

        return EmbeddedVault(settings().data_dir / "keys")
    from chalicelib.adapters.aws.vault import KmsVault

    return KmsVault(settings().kms_key)


@part
def metrics() -> Metrics:
    """Where what is measured goes."""
    if settings().backend == "embedded":
        from chalicelib.adapters.embedded.metrics import LogMetrics

        return LogMetrics()
    from chalicelib.adapters.aws.metrics import EmfMetrics

    return EmfMetrics(settings().stage, clock())


@part
def accounts() -> Index:
    """Users, and all that belongs to them."""
    if settings().backend == "embedded":
        from chalicelib.adapters.embedded.index import EmbeddedIndex

        return EmbeddedIndex(database(), clock(), "account_entries")
    from chalicelib.adapters.aws.index import DynamoIndex

    return DynamoIndex(settings().resource("accounts"), clock())


@part
def uploads() -> Uploads:
    """The way of files that are too large for a request."""
    if settings().backend == "embedded":
        from chalicelib.adapters.embedded.uploads import EmbeddedUploads

        return EmbeddedUploads(documents(), index(), clock())
    from chalicelib.adapters.aws.uploads import S3Uploads

    return S3Uploads(settings().bucket, clock())
