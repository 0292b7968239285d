"""How a run reaches a worker: a message that names it."""

from dataclasses import dataclass

from chalicelib import json_text
from chalicelib.errors import InvalidInput
from chalicelib.ports import Queue, Run, RunLog


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


def message_body(prompt_id: str, published: int = 0) -> str:
    """The message that names a run, and the last sequence that its sockets have got."""
    return json_text.dumps({"promptId": prompt_id, "published": published})


def prompt_id_of(body: str) -> str:
    """The run that a message names; ``InvalidInput``."""
    value = json_text.loads(body)
    if not isinstance(value, dict) or not isinstance(value.get("promptId"), str):
        raise InvalidInput("A message must be an object with a promptId")
    return str(value["promptId"])


def published_of(body: str) -> int:
    """What was published when the message was sent; 0 if it does not say."""
    published = json_text.loads(body).get("published")
    return published if isinstance(published, int) else 0
