"""Uploads that do not pass through the API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class UploadOffer:
    """Where a client sends a file: by POST, as a form with these fields and, last, ``file``.

    ``url`` may be a path, at the address that was asked. ``expires_at`` is epoch seconds.
    """

    url: str
    fields: Mapping[str, str]
    expires_at: int


class Uploads(Protocol):
    """Lets a client write one document by itself (presigned POST of S3).

    For what does not fit a request to a function. What comes is unchecked but for its
    size: whoever takes it looks at it first. A store that takes uploads itself knows
    nothing but its signatures: there an offer can be used again until it lapses, and
    cannot be taken back.
    """

    def offer(self, key: str, *, max_bytes: int, content_type: str, seconds: int) -> UploadOffer:
        """Allow whoever has the offer to write this key for so many seconds."""
        ...

    def withdraw(self, prefix: str) -> None:
        """Take back the offers of all keys below a prefix, where that is possible."""
        ...

    def expire(self, prefix: str, before: float) -> int:
        """Remove for good what was sent below a prefix before that time (epoch seconds).

        How many. Where the store does so by itself this does nothing.
        """
        ...

    def limit(self, token: str) -> int:
        """How many bytes a file may have that comes to an offer's path; ``NotFound``."""
        ...

    def receive(self, token: str, data: bytes) -> None:
        """Write a file that came to an offer's path; the offer is used up.

        ``NotFound`` without such an offer, and nothing is written; always so where the
        store takes uploads itself. ``TooLarge`` leaves the offer as it was.
        """
        ...
