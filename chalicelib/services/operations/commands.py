"""Commands for operators, as data: a name, arguments, a function, and rows as the answer.

A command is defined once. The operator's command line is made from the definition,
and the function that runs the command checks by the same what it was sent: the two
may be of different versions.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from chalicelib.errors import InvalidInput

Value = str | int
Arguments = Mapping[str, Value]
"""By name. An argument that was not given, and has no default, is not there."""
Row = Mapping[str, str | int | None]


@dataclass(frozen=True, slots=True)
class File:
    """A file for the operator's machine, or a piece of one; the last is ``whole``."""

    name: str
    body: bytes
    whole: bool = True

    def document(self) -> dict[str, Any]:
        """As JSON: ``{name, body, whole}``, the body in base64."""
        body = base64.b64encode(self.body).decode()
        return {"name": self.name, "body": body, "whole": self.whole}


@dataclass(frozen=True, slots=True, kw_only=True)
class Argument:
    """One argument of a command: ``--name``, or by its place, which makes it required.

    A text has 1 to ``longest`` characters that can be printed, a number is from
    ``least`` to ``most``. A flag is given or not; its value is 1.
    """

    name: str
    help: str
    kind: Literal["text", "number", "flag"] = "text"
    by_place: bool = False
    choices: tuple[str, ...] = ()
    default: Value | None = None
    least: int = 1
    most: int = 10_000
    longest: int = 1000

    def parse(self, text: str) -> Value:
        """The value of what was typed; ``InvalidInput``."""
        if self.kind == "text":
            return self.check(text)
        try:
            number = int(text)
        except ValueError as error:
            raise self._wrong() from error
        return self.check(number)

    def check(self, value: object) -> Value:
        """The value, if it can be one of this argument; ``InvalidInput``."""
        if self.kind == "flag":
            if type(value) is int and value == 1:
                return value
        elif self.kind == "number":
            # True is a number to Python.
            if type(value) is int and self.least <= value <= self.most:
                return value
        elif isinstance(value, str) and self._fits(value):
            return value
        raise self._wrong()

    def _fits(self, text: str) -> bool:
        if self.choices:
            return text in self.choices
        return 0 < len(text) <= self.longest and text.isprintable()

    def _wrong(self) -> InvalidInput:
        if self.kind == "flag":
            expected = "1"
        elif self.kind == "number":
            expected = f"a whole number from {self.least} to {self.most}"
        elif self.choices:
            expected = f"one of {', '.join(self.choices)}"
        else:
            expected = f"1 to {self.longest} characters that can be printed"
        return InvalidInput.field(self.name, f"{expected} is expected")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command answers: rows of the same columns, in order.

    ``note`` is a sentence for the operator. ``failed`` says that some of what was
    asked for could not be done. ``following`` are arguments for the same command to
    go on with: its time was up before its work was done. ``files`` are for the
    operator's machine.
    """

    rows: Sequence[Row]
    note: str | None = None
    failed: bool = False
    following: Arguments | None = None
    files: Sequence[File] = ()

    def document(self) -> dict[str, Any]:
        """The answer as JSON: ``{rows, note?, failed?, following?, files?}``."""
        document: dict[str, Any] = {"rows": [dict(row) for row in self.rows]}
        if self.note is not None:
            document["note"] = self.note
        if self.failed:
            document["failed"] = True
        if self.following is not None:
            document["following"] = dict(self.following)
        if self.files:
            document["files"] = [file.document() for file in self.files]
        return document


@dataclass(frozen=True, slots=True)
class Command:
    """Something that an operator can ask for.

    ``run`` gets the arguments, and a function that tells whether there is time for
    more; a command that stops then names the ``following`` arguments.
    """

    name: str
    help: str
    run: Callable[[Arguments, Callable[[], bool]], Answer]
    arguments: tuple[Argument, ...] = ()

    def read(self, given: object) -> Arguments:
        """The arguments that were sent, checked, with the defaults; ``InvalidInput``."""
        if not isinstance(given, Mapping):
            raise InvalidInput.field("arguments", "an object is expected")
        known = {argument.name: argument for argument in self.arguments}
        for name in given:
            if name not in known:
                raise InvalidInput.field(str(name), f"{self.name} has no such argument")
        read: dict[str, Value] = {}
        for name, argument in known.items():
            value = given.get(name, argument.default)
            if value is not None:
                read[name] = argument.check(value)
            elif argument.by_place:
                raise InvalidInput.field(name, f"{self.name} needs it")
        return read
