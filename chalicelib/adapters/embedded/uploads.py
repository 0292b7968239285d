"""Uploads through a path of the API, since nobody reaches SQLite."""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any

from chalicelib.adapters.limits import check_key
from chalicelib.errors import NotFound, TooLarge
from chalicelib.ports import Clock, DocumentStore, Entry, Index, Put, UploadOffer

PATH = "/api/uploads/"

_PARTITION = "uploads"


class EmbeddedUploads:
    """An ``Uploads`` whose offers are rows, found by a hash of the token in their path.

    As at a bucket, what was offered can be sent again until the offer lapses.
    """

    def __init__(self, documents: DocumentStore, index: Index, clock: Clock) -> None:
        self._documents = documents
        self._index = index
        self._clock = clock

    def offer(self, key: str, *, max_bytes: int, content_type: str, seconds: int) -> UploadOffer:
        """Allow whoever has the offer to write this key for so many seconds."""
        check_key(key)
        token = secrets.token_urlsafe(32)
        expires_at = int(self._clock.now()) + seconds
        value = {"key": key, "maxBytes": max_bytes, "contentType": content_type}
        self._index.write(Put(Entry(_PARTITION, _row(token), value, expires_at)))
        return UploadOffer(PATH + token, {"Content-Type": content_type}, expires_at)

    def limit(self, token: str) -> int:
        """How many bytes a file may have that comes to an offer's path; ``NotFound``."""
        return int(self._offered(token)["maxBytes"])

    def receive(self, token: str, data: bytes) -> None:
        """Write a file that came to an offer's path; ``NotFound``, ``TooLarge``."""
        value = self._offered(token)
        most = int(value["maxBytes"])
        if len(data) > most:
            raise TooLarge(f"The file has {len(data)} bytes; {most} were announced")
        self._documents.put(value["key"], data, content_type=str(value["contentType"]))

    def _offered(self, token: str) -> Mapping[str, Any]:
        entry = self._index.get(_PARTITION, _row(token))
        if entry is None:
            raise NotFound("No such upload, or its time is over")
        return entry.value


def _row(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
