"""Bodies of the lorebook routes; the books themselves are read by ``chalicelib.cards``."""

from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, FailFast, Field
from pydantic.alias_generators import to_camel

from chalicelib.schemas.names import Name
from chalicelib.schemas.parsing import Items

_Id = Annotated[str, Field(min_length=1, max_length=100)]


class OfCharacter(BaseModel):
    """The character whose card's book becomes a lorebook."""

    model_config = ConfigDict(alias_generator=to_camel, strict=True)

    character_id: _Id


class OfLorebook(BaseModel):
    """The lorebook that is copied into a card."""

    model_config = ConfigDict(alias_generator=to_camel, strict=True)

    lorebook_id: _Id


class EntryDraft(BaseModel):
    """An entry as a client changes it: what a reader would repair, under either of its names.

    What else it has is kept as it comes; what is missing gets its usual value.
    """

    model_config = ConfigDict(strict=True)

    keys: Items[str] = Field([], validation_alias=AliasChoices("keys", "key"))
    secondary_keys: Annotated[list[str] | None, FailFast()] = Field(
        None, validation_alias=AliasChoices("secondary_keys", "keysecondary")
    )
    content: str = ""
    extensions: dict[str, Any] = {}
    enabled: bool = True
    insertion_order: float = Field(100, validation_alias=AliasChoices("insertion_order", "order"))
    priority: float | None = None
    use_regex: bool = False


class BookChanges(BaseModel):
    """Fields of a book's ``data`` as a client changes them; null takes an optional one away.

    Fields beyond these are kept as they come.
    """

    model_config = ConfigDict(strict=True)

    name: Name = ""
    description: str | None = None
    scan_depth: float | None = None
    token_budget: float | None = None
    recursive_scanning: bool | None = None
    extensions: dict[str, Any] | None = None
    entries: Items[EntryDraft] = []
