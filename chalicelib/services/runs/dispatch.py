"""How a run reaches a worker: a message that names it."""

from dataclasses import dataclass

from chalicelib import json_text
from chalicelib.errors import InvalidInput
from chalicelib.ports import Queue, Run, RunLog

_FIRST_DELAY_SECONDS = 30
# The longest that SQS knows.
_LONGEST_DELAY_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Dispatch:
    """Sends runs to the queue. A run sent twice does no harm: its log is its lock."""

    queue: Queue
    log: RunLog

    def send(self, run: Run, *, published: int = 0) -> None:
        """Queue a run and note that it is on its way.

        A worker may take the message before the note is there, so what was
        ``published`` already stands in both.
        """
        self.queue.send(message_body(run.prompt_id, published), group=run.owner)
        self.log.update(run.prompt_id, {"dispatched": True, "published": published})

    def hand_over(self, run: Run, *, published: int) -> None:
        """Queue a run that its worker lets go of; the next one need not wait for the lease."""
        changes = {"lease_until": 0.0, "writer": None, "published": published}
        self.log.update(run.prompt_id, changes)
        self.queue.send(message_body(run.prompt_id), group=run.owner)

    def send_later(self, run: Run, *, published: int, deferred: int = 0) -> int:
        """Queue a run for a worker of a newer version; for how many seconds it waits.

        ``deferred`` is how often that was done already: each time it waits twice as
        long. This is a message of its own, since a delivery that leads to nothing
        counts towards the end of the one that was received.
        """
        delay = min(_FIRST_DELAY_SECONDS << min(deferred, 16), _LONGEST_DELAY_SECONDS)
        body = message_body(run.prompt_id, published, deferred + 1)
        self.queue.send(body, group=run.owner, delay=delay)
        return delay


def message_body(prompt_id: str, published: int = 0, deferred: int = 0) -> str:
    """The message that names a run, and the last sequence that its sockets have got.

    Readers ignore fields that they do not know. ``deferred`` is left out where it is 0.
    """
    body = {"promptId": prompt_id, "published": published}
    return json_text.dumps(body | ({"deferred": deferred} if deferred else {}))


def prompt_id_of(body: str) -> str:
    """The run that a message names; ``InvalidInput``."""
    value = json_text.loads(body)
    if not isinstance(value, dict) or not isinstance(value.get("promptId"), str):
        raise InvalidInput("A message must be an object with a promptId")
    return str(value["promptId"])


def published_of(body: str) -> int:
    """What was published when the message was sent; 0 if it does not say."""
    return _number(body, "published")


def deferred_of(body: str) -> int:
    """How often workers have left the run to a newer version; 0 if it does not say."""
    return _number(body, "deferred")


def _number(body: str, field: str) -> int:
    value = json_text.loads(body).get(field)
    return value if isinstance(value, int) else 0
