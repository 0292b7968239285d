"""Bodies of the routes that import a library."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

_Text = Annotated[str, Field(max_length=200)]


class LibraryUpload(BaseModel):
    """An archive that is to be sent past the API: its bytes, and what it says that it is."""

    model_config = ConfigDict(alias_generator=to_camel, strict=True)

    size: Annotated[int, Field(gt=0)]
    media_type: _Text | None = None


class UploadedLibrary(BaseModel):
    """Which upload to import."""

    model_config = ConfigDict(alias_generator=to_camel, strict=True)

    upload_id: _Text
