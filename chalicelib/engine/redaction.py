"""Keeps secrets that a run uses out of all that leaves it.

A node may put a secret into an output, a chunk, an error or the log by mistake: an
HTTP client's exception names the whole URL, a service repeats the header that it
refuses. What is found is replaced before anybody else sees it, the nodes behind
included: so a run that resumes from its log goes on with the same values.

Found are the secret as it is and as JSON, Python's ``repr`` and URLs write it; text
that a node cut up, encoded otherwise or turned into numbers is not.
"""

import json
import threading
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, quote_plus

from chalicelib.engine.definitions import Chunk

REDACTED = "[credential]"
# One of three characters is guessed rather than leaked, and every text would have it.
MIN_LENGTH = 4


class Redaction:
    """The secrets of one run. Any thread may add one; without any nothing is looked at."""

    def __init__(self) -> None:
        self._adding = threading.Lock()
        self._forms: tuple[str, ...] = ()
        self._written: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Is there anything to look for?"""
        return bool(self._forms)

    def add(self, secret: str) -> None:
        """Look for a secret from now on."""
        if len(secret) < MIN_LENGTH:
            return
        with self._adding:
            self._forms = _longest_first({*self._forms, *_forms(secret)})
            self._written = _longest_first({*self._forms, *map(_escaped, self._forms)})

    def text(self, text: str) -> str:
        """The text without secrets."""
        return _replaced(text, self._forms)

    def line(self, text: str) -> str:
        """The same for a text that is JSON already."""
        return _replaced(text, self._written)

    def value(self, value: Any) -> Any:
        """The same for a JSON-able value, keys included; what is no JSON stays as it is."""
        return self._clean(value) if self._forms else value

    def tail(self, text: str) -> int:
        """Where the end of a text starts that may be the beginning of a secret."""
        return min((_tail(text, form) for form in self._forms), default=len(text))

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self._clean(key): self._clean(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self._clean(item) for item in value]
        return value


class StreamRedaction:
    """The same for the chunks of one node, whose texts may have a secret in pieces.

    The end of a text that may be the beginning of a secret is held back until more comes.
    """

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction
        self._held = ""

    def take(self, chunk: Chunk) -> Sequence[Chunk]:
        """What may be passed on now that the node has yielded a chunk."""
        if not self._redaction:
            return (chunk,)
        if chunk.type != "text_chunk" or not isinstance(chunk.content, str):
            return [*self.rest(), Chunk(chunk.type, self._redaction.value(chunk.content))]
        text = self._redaction.text(self._held + chunk.content)
        start = self._redaction.tail(text)
        self._held = text[start:]
        return [Chunk("text_chunk", text[:start])] if start else []

    def rest(self) -> list[Chunk]:
        """What was held back, when it turns out to be no secret."""
        held, self._held = self._held, ""
        return [Chunk("text_chunk", held)] if held else []


def _forms(secret: str) -> set[str]:
    written = {secret, secret.strip(), repr(secret)[1:-1], quote(secret, safe="")}
    written |= {quote_plus(secret), _escaped(secret), json.dumps(secret)[1:-1]}
    return {form for form in written if len(form) >= MIN_LENGTH}


def _escaped(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _longest_first(forms: set[str]) -> tuple[str, ...]:
    """A form that holds another goes first, or its rest would stay."""
    return tuple(sorted(forms, key=lambda form: (-len(form), form)))


def _replaced(text: str, forms: tuple[str, ...]) -> str:
    for form in forms:
        if form in text:
            text = text.replace(form, REDACTED)
    return text


def _tail(text: str, form: str) -> int:
    start = text.find(form[0], max(0, len(text) - len(form) + 1))
    while start != -1 and not form.startswith(text[start:]):
        start = text.find(form[0], start + 1)
    return len(text) if start == -1 else start
