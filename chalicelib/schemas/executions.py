"""What a client submits to run (WorkflowExecutionPayload). Unknown fields are ignored.

Typed dictionaries, since a payload is checked and handed on as it came: models
of a thousand nodes would be made only to become dictionaries again.
"""

from typing import Annotated, Any, NotRequired

from pydantic import Field, StrictBool, StrictStr, StringConstraints, TypeAdapter
from pydantic import ValidationError as Refusal
from pydantic_core import to_json

# pydantic asks for this one before Python 3.12.
from typing_extensions import TypedDict

from chalicelib.errors import InvalidInput
from chalicelib.schemas.parsing import BODY, invalid_input

# Ids and handles come back in every event; a kilobyte is far more than any client needs.
Name = Annotated[str, StringConstraints(strict=True, max_length=1024)]
Id = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=1024)]


class ExecutionNode(TypedDict):
    """A node to run: ``fullType`` is ``namespace:type``."""

    id: Id
    fullType: Id
    inputs: NotRequired[dict[str, Any] | None]
    configValues: NotRequired[dict[str, Any] | None]
    bypassed: NotRequired[StrictBool | None]
    inputConnectionOrders: NotRequired[dict[str, list[StrictStr]] | None]


class ExecutionEdge(TypedDict):
    """A connection; ``slot__0`` as a handle means slot ``slot``."""

    id: NotRequired[StrictStr | None]
    sourceNodeId: Id
    sourceHandle: NotRequired[Name | None]
    targetNodeId: Id
    targetHandle: NotRequired[Name | None]


class OutputMapping(TypedDict):
    """Where an output of the workflow's interface comes from."""

    sourceNodeId: Name
    sourceSlotKey: Name


class ExecutionPayload(TypedDict):
    """A workflow to run."""

    workflowId: NotRequired[StrictStr | None]
    nodes: Annotated[list[ExecutionNode], Field(max_length=10_000)]
    edges: NotRequired[Annotated[list[ExecutionEdge], Field(max_length=100_000)]]
    interfaceInputs: NotRequired[dict[str, dict[str, Any]] | None]
    interfaceOutputs: NotRequired[dict[str, dict[str, Any]] | None]
    outputInterfaceMappings: NotRequired[dict[str, OutputMapping] | None]
    clientId: NotRequired[StrictStr | None]
    metadata: NotRequired[dict[str, Any] | None]


_PAYLOAD = TypeAdapter(ExecutionPayload)


def parse_payload(body: object) -> ExecutionPayload:
    """The payload that a request's body holds; ``InvalidInput`` as of ``parsing.parse``."""
    if not isinstance(body, dict):
        raise InvalidInput.field(BODY, "an object is expected")
    try:
        return _PAYLOAD.validate_python(body)
    except Refusal as error:
        raise invalid_input(error) from None


def as_json(payload: ExecutionPayload) -> bytes:
    """Compact JSON; NaN and infinities as null."""
    return to_json(payload, inf_nan_mode="null")
