"""Names and titles, as every group takes them."""

from typing import Annotated

from pydantic import AfterValidator, StrictStr

MAX_NAME_LENGTH = 200


def trimmed_name(text: str) -> str:
    """Without blanks around it; ``ValueError`` if nothing or too much is left."""
    name = text.strip()
    if not name:
        raise ValueError("must not be blank")
    if len(name) > MAX_NAME_LENGTH:
        raise ValueError(f"must have at most {MAX_NAME_LENGTH} characters")
    return name


Name = Annotated[StrictStr, AfterValidator(trimmed_name)]
