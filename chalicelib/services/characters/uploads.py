"""Files of characters that are too large for a request."""

from typing import Any

from chalicelib.cards.limits import MAX_FILE_BYTES
from chalicelib.errors import ConditionFailed, NotFound, TavernError, TooManyRequests
from chalicelib.ports import Clock, Index
from chalicelib.schemas.characters import CardUpload, UploadedCard
from chalicelib.schemas.parsing import parse
from chalicelib.services.characters.characters import Characters, Kept
from chalicelib.services.characters.claims import Claims
from chalicelib.services.characters.incoming import Incoming
from chalicelib.services.characters.once import Once
from chalicelib.services.uploads import OfferedUploads, Purpose

_ANYTHING = "application/octet-stream"
CARD = Purpose(
    "character",
    MAX_FILE_BYTES,
    (
        _ANYTHING,
        *("image/png", "image/apng", "image/jpeg", "image/gif", "image/webp"),
        *("application/json", "application/zip", "application/yaml", "text/yaml"),
    ),
)


class CharacterUploads:
    """Offers an upload, and keeps what came. ``max_request_bytes`` fit a request."""

    def __init__(
        self,
        uploads: OfferedUploads,
        characters: Characters,
        index: Index,
        clock: Clock,
        max_request_bytes: int,
    ) -> None:
        self._uploads = uploads
        self._characters = characters
        self._claims = Claims(index, clock)
        self.max_request_bytes = max_request_bytes

    def offer(self, uid: str, body: object) -> dict[str, Any]:
        """Where a file of ``{size, mediaType?}`` can be sent; the errors of an offer."""
        wanted = parse(CardUpload, body)
        return self._uploads.offer(uid, CARD, wanted.size, wanted.media_type or _ANYTHING)

    def take(self, uid: str, upload_id: str, body: object) -> Kept:
        """Keep what was sent, as a file of the ``{name?}`` in the body; ``NotFound``.

        What is no card, or a broken one, goes; what cannot be kept now stays and can be
        taken over again. Of many who take it over at once one reads it: to the others it
        is taken already.
        """
        name = parse(UploadedCard, body).name
        self._uploads.sent(uid, CARD, upload_id)  # before anything is written for it
        with self._claims.claimed(uid, upload_id) as claim:
            sent = self._uploads.taken(uid, CARD, upload_id)
            try:
                incoming = Incoming.read(name, sent, uid=uid)
            except TooManyRequests:
                raise
            except TavernError:
                self._uploads.forget(uid, upload_id)
                raise
            once = Once(claim.item_id, lambda *_: [claim.used()])
            try:
                kept = self._characters.add(uid, incoming, once=once)
            except ConditionFailed as lost:  # this took longer than the claim was good for
                raise NotFound("No such upload: it was taken over already") from lost
        self._uploads.forget(uid, upload_id)
        return kept
