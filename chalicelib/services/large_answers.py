"""Answers that are too large for a function: they are fetched from the store instead.

A link is good for whoever has it, for a few minutes. The store's answer has none of our
headers (no ``nosniff``, no ``Content-Security-Policy``), so whatever is no picture comes as
a file to keep, and never as a page.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass

from chalicelib.errors import PreconditionFailed
from chalicelib.ports import Clock, DocumentStore, Downloads, Index
from chalicelib.services import uploads
from chalicelib.services.accounts.hourly import Hourly

LAMBDA_BYTES = 4_400_000
"""What is sure to fit an answer of a function: 6 MB, as base64, with its headers.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

MADE_AN_HOUR = 120
MADE_BYTES_AN_HOUR = 2 * 1024 * 1024 * 1024
"""What is made for a user in an hour at most: it lies there for a day, in no quota."""

_SECONDS = 300
_A_DAY = 24 * 3600
_FILE = "file"
_SHOWN = frozenset({"image/png", "image/apng", "image/jpeg", "image/gif", "image/webp"})
_RATE = Hourly(
    "made",
    {"made": MADE_AN_HOUR, "bytes": MADE_BYTES_AN_HOUR},
    f"More than {MADE_AN_HOUR} large answers, or {MADE_BYTES_AN_HOUR} bytes of them, in an hour",
)


@dataclass(frozen=True, slots=True)
class LargeAnswers:
    """Links to what does not fit; ``downloads`` None where everything fits."""

    documents: DocumentStore
    downloads: Downloads | None
    accounts: Index
    clock: Clock
    limit: int = LAMBDA_BYTES

    @property
    def most(self) -> int | None:
        """How many bytes an answer may have; None for any."""
        return None if self.downloads is None else self.limit

    def link(self, key: str, size: int, media_type: str) -> str | None:
        """Where a document of that size is to be fetched; None if it fits an answer."""
        if self.downloads is None or size <= self.limit:
            return None
        name = None if media_type in _SHOWN else _FILE
        return self.downloads.link(key, media_type=media_type, name=name, seconds=_SECONDS)

    def keep(self, uid: str, data: bytes, media_type: str, name: str) -> str | None:
        """Where something that was just made is to be fetched; None if it fits an answer.

        It lies where uploads are on their way, and goes by itself as they do. What is the
        same is one object a day. ``TooManyRequests``.
        """
        if self.downloads is None or len(data) <= self.limit:
            return None
        _RATE.count(self.accounts, self.clock, uid, {"made": 1, "bytes": len(data)})
        # Of another day another one: the store removes it a day or two after it was written.
        day = int(self.clock.now()) // _A_DAY
        key = f"{uploads.folder(uid)}made-{day}-{hashlib.sha256(data).hexdigest()}"
        with suppress(PreconditionFailed):  # it is there
            self.documents.put(key, data, content_type=media_type, if_absent=True)
        return self.downloads.link(key, media_type=media_type, name=name, seconds=_SECONDS)
