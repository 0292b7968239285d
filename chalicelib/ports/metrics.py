"""What is counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Measurement:
    """Values of one metric; with a ``status`` they are also counted by it."""

    name: str
    unit: Literal["Count", "Milliseconds", "Seconds"]
    values: Sequence[float]
    status: str | None = None


class Metrics(Protocol):
    """Where what was measured goes. Calls neither fail nor wait for a network."""

    def report(self, measurements: Sequence[Measurement], *, prompt_id: str | None = None) -> None:
        """Hand over what one piece of work has measured; ``prompt_id`` if it was a run's."""
        ...
