"""What a client says of a picture that it is going to send."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictInt, StrictStr
from pydantic.alias_generators import to_camel


class PictureUpload(BaseModel):
    """A picture's size in bytes, and its kind."""

    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")

    size: Annotated[StrictInt, Field(ge=1)]
    media_type: Annotated[StrictStr, Field(max_length=100)]
