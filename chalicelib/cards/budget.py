"""What reading may cost in all: of a file, and of all files that come together."""

from dataclasses import dataclass

from chalicelib.cards.limits import (
    MAX_CARD_INFLATED,
    MAX_JSON_MEMORY,
    MAX_JSON_PARTS,
    MAX_TOTAL_TEXT,
    MAX_TOTAL_YAML,
)
from chalicelib.errors import TooLarge


@dataclass(slots=True)
class Budget:
    """What is left to spend. Each limit is that of one file, whether it is spent by one or more.

    Each method spends, and raises ``TooLarge``, beginning with ``place``, where too little is
    left: nothing is spent then.
    """

    parts: int = MAX_JSON_PARTS
    memory: int = MAX_JSON_MEMORY
    text: int = MAX_TOTAL_TEXT
    inflated: int = MAX_CARD_INFLATED
    yaml: int = MAX_TOTAL_YAML

    def take_parts(self, count: int, place: str) -> None:
        """Brackets, commas and strings of JSON."""
        if count > self.parts:
            raise TooLarge(f"{place}: the JSON has more than {_left(self.parts, MAX_JSON_PARTS)}")
        self.parts -= count

    def take_memory(self, characters: int, width: int, place: str) -> None:
        """A text of JSON, with the bytes that each of its characters has in memory."""
        if characters * width > self.memory:
            raise TooLarge(
                f"{place}: {characters} characters of this kind take more than the"
                f" {MAX_JSON_MEMORY} bytes of memory that are allowed"
            )
        self.memory -= characters * width

    def take_inflated(self, size: int) -> None:
        """The files of an archive, in bytes, as ``Archive.open`` counted them."""
        if size > self.inflated:
            raise TooLarge(
                f"The archive unpacks to {size} bytes; at most {MAX_CARD_INFLATED} are allowed"
                " in all"
            )
        self.inflated -= size

    def take_yaml(self, size: int) -> None:
        """Bytes of YAML."""
        if size > self.yaml:
            raise TooLarge(f"More than {MAX_TOTAL_YAML} bytes of YAML came together")
        self.yaml -= size


def _left(left: int, most: int) -> str:
    return f"{most} parts" if left == most else f"the {left} parts that others left of {most}"
