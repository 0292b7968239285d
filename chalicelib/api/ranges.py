"""Parts of an answer's bytes (RFC 9110, 14)."""

import re
from dataclasses import dataclass

from chalicelib.api.http import Call

_RANGE = re.compile(r"bytes\s*=\s*(\d{0,18})\s*-\s*(\d{0,18})\s*\Z", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Part:
    """``count`` bytes from ``start`` on, of ``total``; none where nothing is there."""

    start: int
    count: int
    total: int

    @property
    def is_empty(self) -> bool:
        """Is there nothing to give? Then the answer is 416."""
        return self.count <= 0

    @property
    def header(self) -> str:
        """``Content-Range``."""
        if self.is_empty:
            return f"bytes */{self.total}"
        return f"bytes {self.start}-{self.start + self.count - 1}/{self.total}"


def wanted(call: Call, total: int, etag: str) -> Part | None:
    """The part that a request asks for; None for all.

    Several ranges at once, and what is no range, are as if nothing was asked. ``If-Range``
    with another ETag asks for all.
    """
    found = _RANGE.match(call.headers.get("range", "").strip())
    condition = call.headers.get("if-range")
    if found is None or (condition is not None and condition != f'"{etag}"'):
        return None
    first, last = found[1], found[2]
    if not first and not last:
        return None
    if not first:
        start = max(0, total - int(last))
        return Part(start, total - start, total)
    start = int(first)
    if last and int(last) < start:
        return None
    end = min(int(last), total - 1) if last else total - 1
    return Part(start, end - start + 1, total)
