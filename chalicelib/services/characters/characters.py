"""What a user can do with characters, one at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib import cards, json_text
from chalicelib.cards import Budget, Card, Repair
from chalicelib.cards.conversions import nests_deeper
from chalicelib.cards.limits import MAX_FILE_BYTES, MAX_JSON_DEPTH
from chalicelib.errors import InvalidInput, NotFound, TooLarge
from chalicelib.services.characters import names
from chalicelib.services.characters.incoming import Incoming, Picture
from chalicelib.services.characters.merging import gave_way, merged
from chalicelib.services.characters.objects import NoPartnerError, object_files, writing
from chalicelib.services.characters.once import Once
from chalicelib.services.characters.partners import partner, was_tried
from chalicelib.services.characters.rows import (
    ASSETS,
    BY_FILE,
    BY_IMAGE,
    CARD,
    IMAGE,
    IMAGE_NAME,
    MERGED,
    PARTS,
    PICTURE,
    SOURCES,
    STEM,
    CharacterKind,
    card_of,
    content_of,
    entry,
    image_of,
)
from chalicelib.services.characters.sources import known
from chalicelib.services.library import items
from chalicelib.services.library.if_match import IfMatch
from chalicelib.services.library.items import Document, Item
from chalicelib.services.library.merge_patch import merge_patched
from chalicelib.services.library.shelf import Shelf, Views

_MAX_NAME = 200
_SERVER_OWN = (IMAGE_NAME, PARTS, SOURCES, STEM)


@dataclass(frozen=True, slots=True)
class Kept:
    """A character as it is now. ``merged`` says that it was there, and got another part."""

    item: Item
    repairs: Sequence[Repair] = ()
    merged: bool = False

    def entry(self) -> Document:
        """For lists."""
        return entry(self.item, card_of(self.item))

    def view(self) -> Document:
        """With the whole card."""
        return {**self.entry(), "card": dict(self.item.content)}


class Characters:
    """The characters of all users; everyone sees his own."""

    def __init__(self, shelf: Shelf, kind: CharacterKind) -> None:
        self._shelf = shelf
        self._kind = kind

    def receive(
        self, uid: str, name: str | None, data: bytes, budget: Budget | None = None
    ) -> Kept:
        """Keep a file of any kind; the errors of ``Incoming.read`` and of ``add``.

        ``budget`` is what all files that come together may cost.
        """
        return self.add(uid, Incoming.read(name, data, uid=uid, budget=budget))

    def add(
        self,
        uid: str,
        incoming: Incoming,
        *,
        once: Once | None = None,
    ) -> Kept:
        """Keep what came as a file.

        A card and a picture of the same file name, or of the same character's name, are one
        character: its fields are the card's, and where that says nothing the picture's.
        Everything else is a character of its own, under the next free name.

        ``ConditionFailed`` if the changes of ``once`` lose. ``TooLarge``.
        """
        other = partner(self._shelf, uid, incoming, once)
        if other is not None:
            try:
                return self._merge(uid, other, incoming, once)
            except (NotFound, NoPartnerError):  # it was deleted, or found another one meanwhile
                pass
        item_id = self._shelf.new_id() if once is None else once.id
        item = Item(uid, item_id, content_of(incoming.filled()), {})
        also = () if once is None else once.changes(item_id, False)
        state: dict[str, Any] = {PARTS: sorted(incoming.parts), STEM: incoming.stem}
        state[SOURCES] = [incoming.source]
        with writing(self._shelf, uid, item_id) as objects:
            if incoming.assets:
                digest = objects.archive(incoming.assets)
                state[ASSETS] = {"hash": digest, "size": len(incoming.assets)}
            if incoming.picture is None:
                state[STEM] = self._kind.free(uid, BY_FILE, incoming.stem)
            else:
                objects.picture(incoming.picture)
                state[IMAGE] = incoming.picture.image.value()
                state[IMAGE_NAME] = self._kind.free(uid, BY_IMAGE, incoming.image_name)
            made = self._shelf.create(
                item.changed(item.content, **state), extra_bytes=incoming.size, also=also
            )
        return Kept(made, incoming.repairs)

    def made_of(self, uid: str) -> dict[str, str]:
        """The ids of all characters by what the files they were made of are known by."""
        return known(self._shelf, uid)

    def get(self, uid: str, character_id: str) -> Kept:
        """A character; ``NotFound``. One read."""
        return Kept(self._shelf.get(uid, character_id))

    def replace(
        self, uid: str, character_id: str, body: object, if_match: IfMatch | None = None
    ) -> Kept:
        """Give a character another card, whole, as one of any version.

        ``InvalidInput``, ``NotFound``, ``PreconditionFailed``.
        """
        given = body["card"] if isinstance(body, dict) and _is_wrapped(body) else body
        read = cards.interpret(given, stem=" ", place="card")
        if read.card is None:
            raise InvalidInput.field("card", "a character card is expected")
        content = content_of(read.card)
        item = self._shelf.change(uid, character_id, lambda item: item.changed(content), if_match)
        return Kept(item, read.repairs)

    def patch(
        self, uid: str, character_id: str, body: object, if_match: IfMatch | None = None
    ) -> Kept:
        """Change some fields of a card's ``data``; null takes one away (RFC 7396).

        ``favorite`` is for the one in ``extensions``, where other programs look for it.
        ``InvalidInput``, ``NotFound``, ``PreconditionFailed``, ``TooLarge``.
        """
        if not isinstance(body, dict) or not body:
            raise InvalidInput("An object with the fields to change is expected")
        fields = {key: value for key, value in body.items() if key != "favorite"}
        if isinstance(body.get("card"), dict):
            raise InvalidInput.field("card", "the fields of its data are expected one by one")
        if "favorite" in body:
            if not isinstance(body["favorite"], bool):
                raise InvalidInput.field("favorite", "true or false is expected")
            extensions = fields.get("extensions")
            own = extensions if isinstance(extensions, dict) else {}
            fields["extensions"] = {**own, "fav": body["favorite"]}

        if "name" in fields:
            fields["name"] = _named(fields["name"])

        def patched(item: Item) -> Item:
            card = card_of(item)
            data = merge_patched(card.data, fields)
            content = content_of(Card(data, card.others, card.spec_version))
            _check(content)
            return item.changed(content)

        return Kept(self._shelf.change(uid, character_id, patched, if_match))

    def delete(self, uid: str, character_id: str, if_match: IfMatch | None = None) -> None:
        """Put a character into the recycle bin; ``NotFound``, ``PreconditionFailed``."""
        self._shelf.delete(uid, character_id, if_match)

    def duplicate(self, uid: str, character_id: str) -> Kept:
        """Another character that is just like this one, under the next free name; ``NotFound``."""
        old = self._shelf.get(uid, character_id)
        image = image_of(old)
        copy = Item(uid, self._shelf.new_id(), old.content, old.state)
        state: dict[str, Any] = {STEM: self._kind.free(uid, BY_FILE, str(old.state[STEM]))}
        state[MERGED] = state[SOURCES] = None
        copied = 0
        with writing(self._shelf, uid, copy.id) as objects:
            for name in object_files(old):
                found = self._shelf.documents.get(self._shelf.folder(uid, old.id) + name)
                objects.put(name, found.body, found.content_type)
                copied += len(found.body)
            if image is not None:
                state[IMAGE_NAME] = self._kind.free(uid, BY_IMAGE, str(old.state[IMAGE_NAME]))
            made = self._shelf.create(copy.changed(copy.content, **state), extra_bytes=copied)
        return Kept(made)

    def set_image(
        self, current: Item, name: str | None, data: bytes, if_match: IfMatch | None = None
    ) -> Kept:
        """Give a character another picture; its card stays, also if there is one in the picture.

        ``UnsupportedMediaType``, ``TooLarge``, ``InvalidInput``, ``NotFound``,
        ``PreconditionFailed``.
        """
        picture = Picture.of(data)
        wanted = names.file_name(name)

        def with_picture(item: Item) -> Item:
            own = item.state.get(IMAGE_NAME)
            parts = sorted({*item.state.get(PARTS, []), PICTURE, CARD})
            named = own or self._kind.free(current.uid, BY_IMAGE, wanted)
            return item.changed(
                item.content, **{IMAGE: picture.image.value(), IMAGE_NAME: named, PARTS: parts}
            )

        size = picture.image.size
        with writing(self._shelf, current.uid, current.id) as objects:
            objects.picture(picture)
            item = self._shelf.change(
                current.uid, current.id, with_picture, if_match, extra_bytes=size
            )
        return Kept(item)

    def versions(self, uid: str, character_id: str) -> Views:
        """A character's history, newest first; ``NotFound``."""
        return self._shelf.versions(uid, character_id)

    def version(self, uid: str, character_id: str, version: str) -> Kept:
        """A character as it was; ``NotFound``."""
        return Kept(self._shelf.version(uid, character_id, version))

    def restore_version(
        self, uid: str, character_id: str, version: str, if_match: IfMatch | None = None
    ) -> Kept:
        """Make a character what it was, card and picture; ``NotFound``."""
        old = self._shelf.version(uid, character_id, version)

        def as_before(item: Item) -> Item:
            kept = {key: item.state[key] for key in _SERVER_OWN if key in item.state}
            created = {items.CREATED: item.state[items.CREATED], items.DELETED: None}
            gone = {key: None for key in item.state if key not in old.state}
            return item.changed(old.content, **{**gone, **old.state, **kept, **created})

        return Kept(self._shelf.change(uid, character_id, as_before, if_match))

    def _merge(self, uid: str, character_id: str, incoming: Incoming, once: Once | None) -> Kept:
        """Give a character the part that it lacks."""
        repairs = list(incoming.repairs)

        def together(item: Item) -> Item:
            parts = item.state.get(PARTS, [])
            if was_tried(item, once):
                return item
            if set(parts) & set(incoming.parts):
                raise NoPartnerError
            own = card_of(item)
            repairs[len(incoming.repairs) :] = _told(own, incoming)
            state: dict[str, Any] = {PARTS: sorted({*parts, *incoming.parts})}
            state[MERGED] = None if once is None else once.id
            state[SOURCES] = [*item.state.get(SOURCES, []), incoming.source]
            if incoming.picture is None:
                return item.changed(content_of(merged(incoming.filled(), own)), **state)
            state[IMAGE] = incoming.picture.image.value()
            state[IMAGE_NAME] = self._kind.free(uid, BY_IMAGE, incoming.image_name)
            card = own if incoming.card is None else merged(own, incoming.card)
            return item.changed(content_of(card), **state)

        also = () if once is None else once.changes(character_id, True)
        size = incoming.size
        with writing(self._shelf, uid, character_id) as objects:
            if incoming.picture is not None:
                objects.picture(incoming.picture)
            item = self._shelf.change(uid, character_id, together, extra_bytes=size, also=also)
        return Kept(item, repairs, merged=True)


def _told(own: Card, incoming: Incoming) -> list[Repair]:
    """What is not seen any more when a character and what came become one."""
    if incoming.card is None:
        return []
    if incoming.picture is None:
        lost, where = gave_way(incoming.card, own), "the version before has what they were"
        what = f"The file's own {', '.join(lost)} are taken; {where}"
    else:
        lost, where = gave_way(own, incoming.card), "those of the picture's are in its file"
        what = f"The card's own {', '.join(lost)} stay; {where}"
    return [Repair("merged", what)] if lost else []


def _check(content: Document) -> None:
    """A card that grew bit by bit stays one that a file could have brought."""
    if nests_deeper([content], MAX_JSON_DEPTH):
        raise InvalidInput(f"A card nests at most {MAX_JSON_DEPTH} levels deep")
    if len(json_text.dumps(content).encode()) > MAX_FILE_BYTES:
        raise TooLarge(f"A card has at most {MAX_FILE_BYTES} bytes")


def _named(name: object) -> str:
    """A name that a user gives; files may bring others."""
    if not isinstance(name, str) or not name.strip() or len(name.strip()) > _MAX_NAME:
        raise InvalidInput.field("name", f"a text of 1 to {_MAX_NAME} characters is expected")
    return name.strip()


def _is_wrapped(body: dict[str, Any]) -> bool:
    return "card" in body and not {"spec", "data"} & body.keys()
