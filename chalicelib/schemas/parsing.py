"""From a parsed JSON body to a model, with errors that a client can show."""

from typing import Annotated, TypeVar

from pydantic import BaseModel, FailFast, ValidationError
from pydantic_core import ErrorDetails

from chalicelib.errors import InvalidInput

BODY = "Body"
MAX_FIELDS = 50
_MAX_PROBLEMS = 1000
_MAX_PART = 64
_MAX_MESSAGE = 200
# This message quotes what was sent; the others name only what is expected.
_QUOTING = {"union_tag_invalid": "Input should be one of {expected_tags}"}

Model = TypeVar("Model", bound=BaseModel)
Item = TypeVar("Item")

# A list whose validation ends at its first wrong item: collecting the problems
# of a million items takes seconds and gigabytes.
Items = Annotated[list[Item], FailFast()]


def parse(model: type[Model], data: object) -> Model:
    """Validate a request body; ``InvalidInput`` with details by dotted field path.

    ``details`` has at most ``MAX_FIELDS`` fields, each with a list of messages.
    What was sent is not repeated, except the names of its fields.
    """
    if not isinstance(data, dict):
        raise InvalidInput.field(BODY, "an object is expected")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise invalid_input(error) from None


def invalid_input(error: ValidationError) -> InvalidInput:
    """What pydantic found, as the product's own error."""
    if error.error_count() > _MAX_PROBLEMS:  # listing them would take longer than finding them
        return InvalidInput.field(BODY, f"{error.error_count()} values are not as expected")
    details: dict[str, list[str]] = {}
    for problem in error.errors(include_url=False, include_input=False):
        field = _path(problem["loc"])
        if field in details:
            details[field].append(_message(problem))
        elif len(details) < MAX_FIELDS:
            details[field] = [_message(problem)]
    field, messages = next(iter(details.items()))
    others = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return InvalidInput(f"{field}: {messages[0]}{others}", details)


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part)[:_MAX_PART] for part in location) or BODY


def _message(problem: ErrorDetails) -> str:
    context = problem.get("ctx", {})
    if problem["type"] in _QUOTING:
        return _QUOTING[problem["type"]].format(**context)
    if problem["type"] == "value_error":  # our own validators: without pydantic's prefix
        return str(context["error"])[:_MAX_MESSAGE]
    return problem["msg"][:_MAX_MESSAGE]
