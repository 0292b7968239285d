"""A process that writes to an embedded store until it is killed.

``python -m tests.contracts.embedded_writer FILE NAME`` prints a line after each
write that has returned: what it did, and its number.
"""

import sys
from itertools import count
from pathlib import Path

from chalicelib.adapters.clock import SystemClock
from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.adapters.embedded.queue import EmbeddedQueue
from chalicelib.adapters.embedded.run_log import EmbeddedRunLog
from chalicelib.ports import Batch, Run


def open_queue(database: Database) -> EmbeddedQueue:
    """The queue that writers and checkers share."""
    return EmbeddedQueue(
        database, SystemClock(), "runs", visibility_timeout=900, max_receives=5, dead_letter=None
    )


def body_of(name: str, number: int) -> bytes:
    """What the writer puts into a document: one to several pages."""
    return f"{name} {number} ".encode() * (1 + number % 7 * 300)


def main(path: Path, name: str) -> None:
    """Write for ever."""
    database = Database(path)
    documents = EmbeddedDocuments(database, SystemClock())
    log = EmbeddedRunLog(database, SystemClock())
    queue = open_queue(database)
    log.create(Run(name, "ada", "running", 0))
    for number in count(1):
        documents.put(f"{name}/{number}", body_of(name, number))
        acknowledge(f"put {number}")
        log.append(name, Batch(number, 1, f"[{number}]", name), header={"attempts": number})
        acknowledge(f"append {number}")
        queue.send(f"{name} {number}", group=name)
        acknowledge(f"send {number}")
        message = queue.receive()
        if message is not None and number % 2:
            queue.delete(message.receipt)
            acknowledge(f"done {message.body}")


def acknowledge(line: str) -> None:
    """What is printed was promised."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
