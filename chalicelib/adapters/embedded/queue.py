"""A fair queue with visibility time-outs and a dead-letter queue, in SQLite.

Sending is synced to the disk. Receipts, extensions and deletes are not: after
a power cut such a message is delivered once more, which at-least-once allows.
``kill -9`` of a process loses none of them.
"""

import secrets
import sqlite3
import threading
import time
from collections.abc import Callable

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.limits import check_value
from chalicelib.ports import Clock, Depth, Message

_MIN_POLL = 0.005
_MAX_POLL = 0.05

# The group with the fewest messages in flight first, as SQS's fair queues do; then the oldest.
# Bodies are left alone until one is chosen: the rest is read from an index.
_NEXT = """
    WITH flying AS (
        SELECT message_group, count(*) AS number FROM messages
        WHERE queue = :queue AND visible_at > :now AND receipt IS NOT NULL
        GROUP BY message_group
    )
    SELECT id, body, message_group, receive_count FROM messages WHERE id = (
        SELECT id FROM messages LEFT JOIN flying USING (message_group)
        WHERE queue = :queue AND visible_at <= :now
        ORDER BY coalesce(number, 0), id LIMIT 1
    )
"""


class EmbeddedQueue:
    """A ``Queue`` by name; a message that was received too often moves to ``dead_letter``.

    ``visibility_timeout`` is in seconds. ``wake`` is called after a send, so that
    the one-machine stack can call ``notify`` on the queues of other processes;
    without it they find the message within 50 ms.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        name: str,
        *,
        visibility_timeout: int,
        max_receives: int,
        dead_letter: str | None,
        wake: Callable[[], None] | None = None,
    ) -> None:
        self._database = database
        self._clock = clock
        self._name = name
        self._visibility_timeout = visibility_timeout
        self._max_receives = max_receives
        self._dead_letter = dead_letter
        self._wake = wake
        self._news = threading.Condition()
        self._news_count = 0

    def send(self, body: str, *, group: str, delay: int = 0) -> None:
        """Queue a message, visible after ``delay`` seconds; durable on return."""
        check_value(body)
        with self._database.write() as sqlite:
            sqlite.execute(
                "INSERT INTO messages (queue, visible_at, receive_count, message_group, body)"
                " VALUES (?, ?, 0, ?, ?)",
                (self._name, self._clock.now() + delay, group, body),
            )
        self.notify()
        if self._wake is not None:
            self._wake()

    def receive(self, *, wait: float = 0.0) -> Message | None:
        """Take one message and hide it; waits up to ``wait`` seconds for one to come."""
        deadline = time.monotonic() + wait
        pause = _MIN_POLL
        while True:
            seen = self._news_count
            message = self._take() if self._has_visible() else None
            left = deadline - time.monotonic()
            if message is not None or left <= 0:
                return message
            told = self._wait_for_news(seen, min(pause, left))
            pause = _MIN_POLL if told else min(2 * pause, _MAX_POLL)

    def extend(self, receipt: str, seconds: int) -> None:
        """Hide a received message for so long from now; 0 gives it back at once."""
        with self._database.write(relaxed=True) as sqlite:
            sqlite.execute(
                "UPDATE messages SET visible_at = ? WHERE id = ? AND receipt = ?",
                (self._clock.now() + seconds, _message_id(receipt), receipt),
            )
        if seconds == 0:
            self.notify()

    def delete(self, receipt: str) -> None:
        """The message is done. Unknown receipts are fine."""
        with self._database.write(relaxed=True) as sqlite:
            sqlite.execute(
                "DELETE FROM messages WHERE id = ? AND receipt = ?",
                (_message_id(receipt), receipt),
            )

    def notify(self) -> None:
        """Let waiting receivers of this process look again now."""
        with self._news:
            self._news_count += 1
            self._news.notify_all()

    def release_all(self) -> int:
        """Give back every message in flight; how many.

        For a start after a crash, when no worker can be alive. What was in
        flight then is not to blame, so it counts as received once at most.
        """
        now = self._clock.now()
        with self._database.write(relaxed=True) as sqlite:
            released = sqlite.execute(
                "UPDATE messages SET visible_at = :now, receipt = NULL,"
                " receive_count = min(receive_count, 1)"
                " WHERE queue = :queue AND visible_at > :now AND receipt IS NOT NULL",
                {"queue": self._name, "now": now},
            ).rowcount
        self.notify()
        return released

    def depth(self) -> Depth:
        """How many messages are visible and in flight; delayed ones are neither."""
        with self._database.read() as sqlite:
            visible, in_flight = sqlite.execute(
                "SELECT count(*) FILTER (WHERE visible_at <= :now),"
                " count(*) FILTER (WHERE visible_at > :now AND receipt IS NOT NULL)"
                " FROM messages WHERE queue = :queue",
                {"queue": self._name, "now": self._clock.now()},
            ).fetchone()
        return Depth(visible, in_flight)

    def _wait_for_news(self, seen: int, seconds: float) -> bool:
        with self._news:
            return self._news.wait_for(lambda: self._news_count != seen, seconds)

    def _has_visible(self) -> bool:
        """A look without the write lock, for pollers of an empty queue."""
        with self._database.read() as sqlite:
            return bool(
                sqlite.execute(
                    "SELECT EXISTS (SELECT 1 FROM messages WHERE queue = ? AND visible_at <= ?)",
                    (self._name, self._clock.now()),
                ).fetchone()[0]
            )

    def _take(self) -> Message | None:
        now = self._clock.now()
        with self._database.write(relaxed=True) as sqlite:
            if self._dead_letter is not None:
                self._bury(sqlite, self._dead_letter, now)
            row = sqlite.execute(_NEXT, {"queue": self._name, "now": now}).fetchone()
            if row is None:
                return None
            message_id, body, group, receive_count = row
            receipt = f"{message_id}:{secrets.token_hex(8)}"
            sqlite.execute(
                "UPDATE messages SET visible_at = ?, receipt = ?, receive_count = ? WHERE id = ?",
                (now + self._visibility_timeout, receipt, receive_count + 1, message_id),
            )
        return Message(
            id=str(message_id),
            body=body,
            group=group,
            receipt=receipt,
            receive_count=receive_count + 1,
        )

    def _bury(self, sqlite: sqlite3.Connection, dead_letter: str, now: float) -> None:
        sqlite.execute(
            "UPDATE messages SET queue = ?, visible_at = ?, receipt = NULL, receive_count = 0"
            " WHERE queue = ? AND receive_count > 0 AND receive_count >= ? AND visible_at <= ?",
            (dead_letter, now, self._name, self._max_receives, now),
        )


def _message_id(receipt: str) -> int:
    """The row a receipt is about; 0, which no row has, for what is no receipt."""
    number = receipt.partition(":")[0]
    return int(number) if number.isascii() and number.isdigit() and len(number) <= 18 else 0
