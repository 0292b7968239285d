"""Uploads through a path of the API, since nobody reaches SQLite."""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass

from chalicelib.adapters.limits import check_key
from chalicelib.errors import ConditionFailed, NotFound, TooLarge
from chalicelib.ports import Clock, DocumentStore, Entry, Index, Put, Remove, UploadOffer

PATH = "/api/uploads/"

_PARTITION = "uploads"


@dataclass(frozen=True, slots=True)
class _Offered:
    """An offer's row."""

    key: str
    max_bytes: int
    content_type: str


class EmbeddedUploads:
    """An ``Uploads`` whose offers are rows by the key they allow to write.

    A token is that key and a secret, of which the row has a hash. It works once: the row
    is removed with what is written.
    """

    def __init__(self, documents: DocumentStore, index: Index, clock: Clock) -> None:
        self._documents = documents
        self._index = index
        self._clock = clock

    def offer(self, key: str, *, max_bytes: int, content_type: str, seconds: int) -> UploadOffer:
        """Allow whoever has the offer to write this key for so many seconds."""
        check_key(key)
        secret = secrets.token_urlsafe(32)
        expires_at = int(self._clock.now()) + seconds
        value = {"hash": _hash(secret), "maxBytes": max_bytes, "contentType": content_type}
        self._index.write(Put(Entry(_PARTITION, key, value, expires_at)))
        located = base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")
        fields = {"Content-Type": content_type}
        return UploadOffer(f"{PATH}{located}.{secret}", fields, expires_at)

    def withdraw(self, prefix: str) -> None:
        """Take back the offers of all keys below a prefix."""
        for entry in self._index.query(_PARTITION, prefix).entries:
            self._index.write(Remove(_PARTITION, entry.key))

    def expire(self, prefix: str, before: float) -> int:
        """Remove for good what was sent below a prefix before that time; how many."""
        left = [
            key
            for key, version in self._documents.history(prefix)
            if version.current and version.modified_at < before
        ]
        for key in left:
            self._documents.purge(key)
        return len(left)

    def limit(self, token: str) -> int:
        """How many bytes a file may have that comes to an offer's path; ``NotFound``."""
        return self._offered(token).max_bytes

    def receive(self, token: str, data: bytes) -> None:
        """Write a file that came to an offer's path, once; ``NotFound``, ``TooLarge``."""
        offered = self._offered(token)
        if len(data) > offered.max_bytes:
            raise TooLarge(f"The file has {len(data)} bytes; {offered.max_bytes} were announced")
        written = self._documents.put(offered.key, data, content_type=offered.content_type)
        try:
            self._index.write(Remove(_PARTITION, offered.key, if_present=True))
        except ConditionFailed as lost:  # to another use of it, or it was withdrawn meanwhile
            self._documents.withdraw(offered.key, written.version)
            raise _no_offer() from lost

    def _offered(self, token: str) -> _Offered:
        key, secret = _parts(token)
        entry = self._index.get(_PARTITION, key)
        if entry is None or not hmac.compare_digest(entry.value["hash"], _hash(secret)):
            raise _no_offer()
        value = entry.value
        return _Offered(key, int(value["maxBytes"]), str(value["contentType"]))


def folder_of(token: str) -> str:
    """Where a token's file would go, without its name: one folder a user. ``NotFound``.

    What the token says: whether it is true tells ``limit``.
    """
    return _parts(token)[0].rpartition("/")[0]


def _parts(token: str) -> tuple[str, str]:
    """The key and the secret of a token; ``NotFound``."""
    located, _, secret = token.partition(".")
    padding = "=" * (-len(located) % 4)
    try:
        return base64.urlsafe_b64decode(located + padding).decode(), secret
    except ValueError as error:  # no base64 (binascii.Error), or no text in it
        raise _no_offer() from error


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


def _no_offer() -> NotFound:
    return NotFound("No such upload, or its time is over, or it was used")
