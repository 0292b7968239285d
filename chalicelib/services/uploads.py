"""Files that come past the API: offered, sent apart, taken over.

One row a user lists his open offers, and each change replaces it as it was read. So
the limits hold however many requests come at once, and an offer counts for as long
as its bytes may be there: until it is forgotten, or has lapsed and was cleared away,
or the store has done so by itself.

What is sent by an offer that is in no row is never taken. It goes with time: on one
machine by ``expire``, in a bucket by a rule of its lifecycle.
"""

import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from chalicelib.errors import (
    ConditionFailed,
    Conflict,
    NotFound,
    TooLarge,
    TooManyRequests,
    UnsupportedMediaType,
)
from chalicelib.moments import timestamp
from chalicelib.ports import Clock, DocumentStore, Entry, Index, Put, Remove, Uploads

SEND_SECONDS = 15 * 60
"""How long a file can be sent. At a bucket it can be sent again within this time."""

OPEN_SECONDS = 60 * 60
"""How long what was sent waits to be taken over."""

MAX_OPEN = 20
MAX_OPEN_BYTES = 512 * 1024 * 1024
"""What a user's open offers may announce together."""

_FOLDER = "uploads/"
_KEPT_SECONDS = 24 * 3600  # a bucket's lifecycle cannot be shorter
_ROW = "open"
_TRIES = 3 * MAX_OPEN


@dataclass(frozen=True, slots=True)
class Purpose:
    """What files are offered for: what is sent for one purpose is taken for no other."""

    name: str
    max_bytes: int
    media_types: Sequence[str]

    def check(self, size: int, media_type: str) -> None:
        """``UnsupportedMediaType`` and ``TooLarge`` for what it has no use for."""
        if media_type not in self.media_types:
            expected = ", ".join(self.media_types)
            message = f"one of {expected} is expected"
            raise UnsupportedMediaType(f"mediaType: {message}", {"mediaType": [message]})
        if size > self.max_bytes:
            message = f"a file may have at most {self.max_bytes} bytes"
            raise TooLarge(f"size: {message}", {"size": [message]})


@dataclass(frozen=True, slots=True)
class _Open:
    """An open offer, as the row has it; ``until`` in epoch seconds."""

    id: str
    purpose: str
    size: int
    until: int


class OfferedUploads:
    """The offers of all users."""

    def __init__(
        self, *, uploads: Uploads, documents: DocumentStore, index: Index, clock: Clock
    ) -> None:
        self._uploads = uploads
        self._documents = documents
        self._index = index
        self._clock = clock

    def offer(self, uid: str, purpose: Purpose, size: int, media_type: str) -> dict[str, Any]:
        """Where a file of so many bytes can be sent, and under which id it is taken over.

        ``TooLarge`` and ``UnsupportedMediaType`` for what the purpose does not take;
        ``TooManyRequests`` past a limit, with the time when there is room.
        """
        purpose.check(size, media_type)
        upload_id = secrets.token_urlsafe(16)
        self._count(uid, upload_id, purpose, size)
        offer = self._uploads.offer(
            _key(uid, upload_id), max_bytes=size, content_type=media_type, seconds=SEND_SECONDS
        )
        return {
            "uploadId": upload_id,
            "method": "POST",
            "url": offer.url,
            "fields": dict(offer.fields),
            "expiresAt": timestamp(offer.expires_at),
        }

    def taken(self, uid: str, purpose: Purpose, upload_id: str) -> bytes:
        """What was sent to an open offer; ``NotFound``. It stays until it is forgotten."""
        key = self.sent(uid, purpose, upload_id)
        try:
            return self._documents.get(key).body
        except NotFound as error:
            raise NotFound("Nothing was sent to this upload yet") from error

    def sent(self, uid: str, purpose: Purpose, upload_id: str) -> str:
        """The key of what is sent to an open offer, maybe later; ``NotFound`` without one."""
        _, offers = self._read(uid)
        now = self._clock.now()
        for each in offers:
            if (each.id, each.purpose) == (upload_id, purpose.name) and each.until > now:
                return _key(uid, upload_id)
        raise NotFound("No such upload, or its time is over")

    def forget(self, uid: str, upload_id: str) -> None:
        """Remove an offer and what was sent to it. Unknown ones are fine."""
        cleared = False
        for _ in range(_TRIES):
            entry, offers = self._read(uid)
            rest = [each for each in offers if each.id != upload_id]
            if len(rest) == len(offers):
                return
            if not cleared:  # before the offer counts no more
                self._clear(uid, upload_id)
                cleared = True
            if self._replace(uid, entry, rest):
                return
        raise Conflict("Too many requests change this user's uploads at once")

    def withdraw(self, uid: str) -> None:
        """Remove all offers of a user: nothing is taken, and where possible nothing received."""
        self._uploads.withdraw(folder(uid))
        self._index.write(Remove(partition(uid), _ROW))

    def expire(self, now: float) -> int:
        """Remove what waits of all users past its time, unless the store does; how many."""
        return self._uploads.expire(_FOLDER, now - OPEN_SECONDS)

    def _count(self, uid: str, upload_id: str, purpose: Purpose, size: int) -> None:
        """List an offer, if there is room for it."""
        cleared: set[str] = set()
        for _ in range(_TRIES):
            entry, offers = self._read(uid)
            now = int(self._clock.now())
            for each in offers:
                if each.until <= now and each.id not in cleared:
                    self._clear(uid, each.id)
                    cleared.add(each.id)
            still = [each for each in offers if each.until > now]
            _check_room(still, size, now)
            added = _Open(upload_id, purpose.name, size, now + OPEN_SECONDS)
            if self._replace(uid, entry, [*still, added]):
                return
        raise Conflict("Too many requests change this user's uploads at once")

    def _clear(self, uid: str, upload_id: str) -> None:
        key = _key(uid, upload_id)
        self._uploads.withdraw(key)
        self._documents.purge(key)

    def _read(self, uid: str) -> tuple[Entry | None, list[_Open]]:
        """The row, and what it lists, the oldest first."""
        entry = self._index.get(partition(uid), _ROW)
        listed = [] if entry is None else entry.value["offers"]
        return entry, [
            _Open(each["id"], each["purpose"], each["size"], each["until"]) for each in listed
        ]

    def _replace(self, uid: str, old: Entry | None, offers: Sequence[_Open]) -> bool:
        """Write the row, if nobody did so since it was read."""
        value = {"offers": [asdict(each) for each in offers]}
        expires_at = int(self._clock.now()) + _KEPT_SECONDS
        entry = Entry(partition(uid), _ROW, value, expires_at)
        change = Put(entry, if_absent=True) if old is None else Put(entry, replacing=old.value)
        try:
            self._index.write(change)
        except ConditionFailed:
            return False
        return True


def folder(uid: str) -> str:
    """Where what a user sends waits."""
    return f"{_FOLDER}{uid}/"


def partition(uid: str) -> str:
    """The partition of a user's open offers."""
    return f"{uid}#uploads"


def _key(uid: str, upload_id: str) -> str:
    return folder(uid) + upload_id


def _check_room(offers: Sequence[_Open], size: int, now: int) -> None:
    """``TooManyRequests`` unless there is room for one more of this size.

    ``offers`` lapse in their order, so what is over first makes room first.
    """
    announced = sum(each.size for each in offers)
    if len(offers) >= MAX_OPEN:
        reason = f"At most {MAX_OPEN} uploads may be open at once"
    elif announced + size > MAX_OPEN_BYTES:
        reason = (
            f"Open uploads may announce at most {MAX_OPEN_BYTES} bytes together,"
            f" and this would be {announced + size}"
        )
    else:
        return
    left, until = len(offers), now
    for each in offers:
        left, announced, until = left - 1, announced - each.size, each.until
        if left < MAX_OPEN and announced + size <= MAX_OPEN_BYTES:
            break
    message = f"{reason}: take over what was sent, or wait until older ones lapse"
    raise TooManyRequests(message, retry_after=until - now)
