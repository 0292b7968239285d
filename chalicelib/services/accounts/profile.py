"""What users say of themselves: a name and a picture."""

import hashlib
from dataclasses import dataclass
from typing import Any

from chalicelib import pictures
from chalicelib.errors import (
    ConditionFailed,
    Conflict,
    InvalidInput,
    NotFound,
    TooLarge,
    UnsupportedMediaType,
)
from chalicelib.ports import Clock, DocumentStore, Index
from chalicelib.schemas.accounts import UsernameChange
from chalicelib.schemas.parsing import parse
from chalicelib.schemas.profiles import PictureUpload
from chalicelib.services.accounts import avatar_rate, avatars
from chalicelib.services.accounts.users import User, Users
from chalicelib.services.uploads import OfferedUploads, Purpose

PICTURE = Purpose("picture", pictures.MAX_BYTES, tuple(pictures.SUFFIXES))

_TRIES = 5
_MEDIA_TYPES = {suffix: kind for kind, suffix in pictures.SUFFIXES.items()}


@dataclass(frozen=True, slots=True)
class Avatar:
    """A user's picture as it is shown."""

    data: bytes
    media_type: str


class Profile:
    """The names and pictures of users."""

    max_bytes = pictures.MAX_BYTES

    def __init__(
        self,
        *,
        accounts: Index,
        users: Users,
        documents: DocumentStore,
        uploads: OfferedUploads,
        clock: Clock,
    ) -> None:
        self._accounts = accounts
        self._users = users
        self._documents = documents
        self._uploads = uploads
        self._clock = clock

    def rename(self, uid: str, body: object) -> str:
        """Give a user another name; the name as it is now. ``Conflict`` if it is taken."""
        return self._users.rename(uid, parse(UsernameChange, body).username).username

    def set_avatar(self, uid: str, data: bytes) -> str:
        """Make this a user's picture; its address.

        What is stored shows the same and says nothing else. Errors are those of
        ``pictures.clean``.
        """
        avatar_rate.count(self._accounts, self._clock, uid)
        cleaned = pictures.clean(data)
        media_type = pictures.inspect(cleaned).media_type
        digest = hashlib.sha256(cleaned).hexdigest()
        name = avatars.new_name(digest, pictures.SUFFIXES[media_type])
        key = _key(uid, name)
        written = False
        for _ in range(_TRIES):
            user = self._users.get(uid)
            old = user.value.get("avatar")
            if old is not None and old["hash"] == digest:
                self._remove(uid, name if written else None)
                return _url(user)
            if not written:  # before the row that names it
                self._documents.put(key, cleaned, content_type=media_type)
                written = True
            change = user.changed(avatar={"hash": digest, "name": name, "mediaType": media_type})
            try:
                self._accounts.write(change)
            except ConditionFailed:
                continue
            self._remove(uid, None if old is None else old["name"])
            return _url(User(change.entry.value, change.entry.value))
        self._remove(uid, name)
        raise Conflict("Too many requests change this user at once")

    def avatar(self, uid: str, name: str) -> Avatar:
        """A user's picture, by the name in its address; ``NotFound``."""
        key = avatars.key_of(uid, name)
        if key is None:
            raise NotFound("No such picture")
        return Avatar(self._documents.get(key).body, _MEDIA_TYPES[name.rpartition(".")[2]])

    def offer_upload(self, uid: str, body: object) -> dict[str, Any]:
        """Where a picture can be sent that does not fit a request, and under which id."""
        wanted = parse(PictureUpload, body)
        return self._uploads.offer(uid, PICTURE, wanted.size, wanted.media_type)

    def take_upload(self, uid: str, upload_id: str) -> str:
        """Make what was sent to an offer the user's picture; its address. ``NotFound``.

        What was sent goes, also if it is no picture.
        """
        sent = self._uploads.taken(uid, PICTURE, upload_id)
        try:
            url = self.set_avatar(uid, sent)
        except (InvalidInput, TooLarge, UnsupportedMediaType):
            self._uploads.forget(uid, upload_id)
            raise
        self._uploads.forget(uid, upload_id)
        return url

    def _remove(self, uid: str, name: str | None) -> None:
        if name is not None:
            self._documents.purge(_key(uid, name))


def _key(uid: str, name: str) -> str:
    key = avatars.key_of(uid, name)
    if key is None:
        raise ValueError("This cannot be the name of a picture")
    return key


def _url(user: User) -> str:
    url = avatars.url_of(user.value)
    if url is None:
        raise ValueError("This user has no picture")
    return url
