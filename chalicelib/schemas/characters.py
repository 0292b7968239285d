"""Bodies of the character routes; the cards themselves are read by ``chalicelib.cards``."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

_Text = Annotated[str, Field(max_length=1_000)]


class CardUpload(BaseModel):
    """A file that is to be sent past the API: its bytes, and what it says that it is."""

    model_config = ConfigDict(alias_generator=to_camel, strict=True)

    size: Annotated[int, Field(gt=0)]
    media_type: _Text | None = None


class UploadedCard(BaseModel):
    """What a file that was sent is called."""

    model_config = ConfigDict(strict=True)

    name: _Text | None = None
