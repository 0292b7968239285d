"""Bodies of the lorebook routes; the books themselves are read by ``chalicelib.cards``."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

_Id = Annotated[str, Field(min_length=1, max_length=100)]


class OfCharacter(BaseModel):
    """The character whose card's book becomes a lorebook."""

    model_config = ConfigDict(alias_generator=to_camel, strict=True)

    character_id: _Id


class OfLorebook(BaseModel):
    """The lorebook that is copied into a card."""

    model_config = ConfigDict(alias_generator=to_camel, strict=True)

    lorebook_id: _Id
