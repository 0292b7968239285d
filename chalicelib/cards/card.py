"""A character card in its one normal form, and what reading a file gives.

The normal form is that of version 3 (https://github.com/kwaroran/character-card-spec-v3):
all that versions 1 and 2 know is part of it. Fields that no version knows are kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from chalicelib.errors import InvalidInput

Kind = Literal["png", "json", "yaml", "charx", "byaf"]
"""What a file is; Gradio's JSON and all versions of cards are ``json``."""

V1_TEXTS = ("name", "description", "personality", "scenario", "first_mes", "mes_example")
TEXTS = (
    *V1_TEXTS,
    *("creator_notes", "system_prompt", "post_history_instructions"),
    *("creator", "character_version"),
)
LISTS = ("alternate_greetings", "tags", "group_only_greetings")
OBJECTS = ("extensions",)
OPTIONAL = (
    *("character_book", "nickname", "creator_notes_multilingual", "source"),
    *("creation_date", "modification_date", "assets"),
)
FIELDS = frozenset((*TEXTS, *LISTS, *OBJECTS, *OPTIONAL))
"""All fields of ``data`` that version 3 knows."""

ROOT = frozenset(("spec", "spec_version", "data"))
"""The keys of a file's root that are no part of a card's own content."""

OLD_NAMES: Mapping[str, str] = {"creatorcomment": "creator_notes"}
"""What version 1 calls fields of ``data``."""

_TYPES: Mapping[str, type | tuple[type, ...]] = {
    **dict.fromkeys((*TEXTS, "nickname"), str),
    **dict.fromkeys((*LISTS, "source", "assets"), list),
    **dict.fromkeys((*OBJECTS, "character_book", "creator_notes_multilingual"), dict),
    **dict.fromkeys(("creation_date", "modification_date"), (int, float)),
}
_ITEMS: Mapping[str, type] = {**dict.fromkeys((*LISTS, "source"), str), "assets": dict}


class BrokenCard(InvalidInput):
    """The file is no card that can be read; the message says what is wrong and where."""


@dataclass(frozen=True, slots=True)
class Repair:
    """Something in a file that was not as it should be, and what was read instead.

    ``where`` is a path into the card (``data.tags``), or what part of the file.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Card:
    """A character: ``data`` as version 3 has it, with what no version knows kept in order.

    ``others`` are the keys of the file's root beside ``data``, such as SillyTavern's
    ``create_date``. All fields that version 3 asks for are there: those that are missing
    get their empty value. ``InvalidInput`` names the first field of another type, a blank
    name, and keys of ``others`` that belong into ``data``. What strangers sent goes
    through ``interpret``, which repairs instead.
    """

    data: Mapping[str, Any]
    others: Mapping[str, Any] = field(default_factory=dict)
    spec_version: str = "3.0"

    def __post_init__(self) -> None:
        missing: dict[str, Any] = {name: "" for name in TEXTS if name not in self.data}
        missing |= {name: [] for name in LISTS if name not in self.data}
        missing |= {name: {} for name in OBJECTS if name not in self.data}
        object.__setattr__(self, "data", {**self.data, **missing})
        object.__setattr__(self, "others", dict(self.others))
        self._check()

    def _check(self) -> None:
        for name, expected in _TYPES.items():
            value = self.data.get(name)
            fits = isinstance(value, expected) and not isinstance(value, bool)
            item = _ITEMS.get(name)
            if fits and item is not None:
                fits = all(isinstance(one, item) for one in self.data[name])
            if not fits and name in self.data:
                raise InvalidInput.field(name, "Has another type than cards have")
        if isinstance(book := self.book, dict) and not isinstance(book.get("entries"), list):
            raise InvalidInput.field("character_book", "A lorebook has a list of entries")
        if not is_current(self.spec_version):
            raise InvalidInput.field("spec_version", "It is older than version 3, or none")
        if not self.name.strip():
            raise InvalidInput.field("name", "A card needs a name")
        if misplaced := self.others.keys() & (FIELDS | ROOT | OLD_NAMES.keys()):
            raise InvalidInput.field(min(misplaced), "Belongs into data")

    @property
    def name(self) -> str:
        """The character's name, which is never blank."""
        return str(self.data["name"])

    @property
    def description(self) -> str:
        """Who the character is."""
        return str(self.data["description"])

    @property
    def tags(self) -> tuple[str, ...]:
        """What the character is filed under."""
        return tuple(self.data["tags"])

    @property
    def creator(self) -> str:
        """Who made the card."""
        return str(self.data["creator"])

    @property
    def creator_notes(self) -> str:
        """What the maker tells the user; never part of a prompt."""
        return str(self.data["creator_notes"])

    @property
    def character_version(self) -> str:
        """The maker's own version, any text."""
        return str(self.data["character_version"])

    @property
    def created(self) -> str | None:
        """When the card was made: as the file says it, else ISO 8601 of ``creation_date``."""
        said = self.others.get("create_date")
        if isinstance(said, str) and said.strip():
            return said
        seconds = self.data.get("creation_date", 0)
        try:
            moment = datetime.fromtimestamp(seconds, UTC) if seconds else None
        except (OverflowError, ValueError, OSError):  # a year that is none
            return None
        return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")

    @property
    def favorite(self) -> bool:
        """SillyTavern's ``fav``, which is also written as a text."""
        value = self._setting("fav")
        return value is True or (isinstance(value, str) and value.strip().lower() == "true")

    @property
    def talkativeness(self) -> float | None:
        """How often the character speaks in a group, mostly 0 to 1; None where it is not said."""
        value = self._setting("talkativeness")
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            return None
        try:
            number = float(value)
        except (ValueError, OverflowError):
            return None
        return number if abs(number) < float("inf") else None

    @property
    def avatar(self) -> str | None:
        """The name of a picture that the file's root gives."""
        return self._text("avatar")

    @property
    def chat(self) -> str | None:
        """The name of the last chat that the file's root gives."""
        return self._text("chat")

    @property
    def book(self) -> Mapping[str, Any] | None:
        """The lorebook inside, where there is one."""
        book: Mapping[str, Any] | None = self.data.get("character_book")
        return book

    def _setting(self, name: str) -> Any:
        extensions = self.data["extensions"]
        return extensions[name] if name in extensions else self.others.get(name)

    def _text(self, name: str) -> str | None:
        value = self.others.get(name)
        return value if isinstance(value, str) and value else None


def is_current(version: str) -> bool:
    """Whether a ``spec_version`` is 3 or newer: it is compared as a number."""
    try:
        return 3 <= float(version) < float("inf")
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Read:
    """What a file holds.

    ``card`` is None for a picture without one, which is legal. ``repairs`` lists what
    was wrong in the file, in the order in which it was met. ``picture`` and ``assets`` are
    those of an archive: the character's picture, and all other files by their names.
    """

    kind: Kind
    card: Card | None
    repairs: tuple[Repair, ...] = ()
    picture: bytes | None = None
    assets: Mapping[str, bytes] = field(default_factory=dict)
