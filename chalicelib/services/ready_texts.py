"""Answers that are asked for again and again, kept ready in the process."""

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable

_MAX_BYTES = 64 * 1024 * 1024
_MAX_SHARE = 4


class EncodedText(str):
    """A text that has its UTF-8 with it: encoding takes longer than all else of a large answer."""

    __slots__ = ("_utf8",)
    _utf8: bytes

    def __new__(cls, text: str) -> "EncodedText":
        """``UnicodeEncodeError`` for half a surrogate."""
        made = super().__new__(cls, text)
        made._utf8 = text.encode()
        return made

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        """The bytes that it has, or those of another encoding."""
        return self._utf8 if encoding == "utf-8" else super().encode(encoding, errors)

    @property
    def held(self) -> int:
        """Bytes of memory, of both."""
        return sys.getsizeof(self) + len(self._utf8)


class ReadyTexts:
    """Keeps the texts that were asked for last, up to 64 MiB; any thread may ask."""

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._held = 0
        self._kept: OrderedDict[str, tuple[str, EncodedText]] = OrderedDict()

    def get(self, name: str, mark: str, make: Callable[[], str]) -> str:
        """The text of this name, made anew unless it was made at the same ``mark``.

        One of more than a quarter of all room is not kept, nor is it copied: one emoji in
        100 MB of a list makes 400 of it, and a function has 1,000.
        """
        with self._lock:
            known = self._kept.get(name)
            if known is not None and known[0] == mark:
                self._kept.move_to_end(name)
                return known[1]
        text: str = make()
        most = self._max_bytes // _MAX_SHARE
        ready = EncodedText(text) if sys.getsizeof(text) <= most else None
        with self._lock:
            self._drop(name)
            if ready is not None and ready.held <= most:
                self._kept[name] = (mark, ready)
                self._held += ready.held
            while self._held > self._max_bytes:
                self._drop(next(iter(self._kept)))
        return text if ready is None else ready

    def _drop(self, name: str) -> None:
        _, text = self._kept.pop(name, ("", None))
        if text is not None:
            self._held -= text.held
