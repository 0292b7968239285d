"""What a client sends as a workflow (CreateWorkflowObject, WorkflowObject).

The models only check: what is stored is the body as it came, so that fields
which nobody here knows survive, and 10 stays 10. ``createdAt``, ``updatedAt``
and ``version`` are the server's and may be anything in a body. ``version``
counts a workflow's saves from 1; it is text ("7"), as versions are elsewhere in
the contract, so that clients hand it back without doing arithmetic on it.

null stands for "left out" where a field is optional.
"""

import re
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    FiniteFloat,
    StrictStr,
    model_validator,
)
from pydantic.alias_generators import to_camel

from chalicelib.schemas.names import Name
from chalicelib.schemas.parsing import Items

MAX_ID_LENGTH = 128
_ID = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_ID_LENGTH}}}\Z")
_Object = dict[str, Any]


def is_workflow_id(text: str) -> bool:
    """Can this be a workflow's id?"""
    return _ID.match(text) is not None and text.strip(".") != ""


def _safe_id(text: str) -> str:
    if not is_workflow_id(text):
        raise ValueError(f"must have 1 to {MAX_ID_LENGTH} of A-Z a-z 0-9 . _ - and not dots only")
    return text


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore", strict=True)


class Position(_Model):
    """Where a node is drawn."""

    x: FiniteFloat
    y: FiniteFloat


class Viewport(_Model):
    """What part of the canvas is seen."""

    x: FiniteFloat
    y: FiniteFloat
    zoom: FiniteFloat


class WorkflowNode(_Model):
    """A node on the canvas."""

    id: str
    type: str
    position: Position
    parent_node: str | None = None
    data: _Object | None = None
    display_name: str | None = None
    config_values: _Object | None = None
    input_values: _Object | None = None
    input_connection_orders: dict[str, list[str]] | None = None


class WorkflowEdge(_Model):
    """A connection on the canvas."""

    id: str
    source: str
    target: str
    source_handle: str | None = None
    target_handle: str | None = None


class PreviewTarget(_Model):
    """The output that the editor previews."""

    node_id: str
    slot_key: str


class WorkflowDraft(_Model):
    """A workflow as a client has it; an ``id`` is a wish."""

    name: Name
    id: Annotated[StrictStr, AfterValidator(_safe_id)] | None = None
    description: str | None = None
    nodes: Items[WorkflowNode] = []
    edges: Items[WorkflowEdge] = []
    viewport: Viewport | None = None
    interface_inputs: dict[str, _Object] | None = None
    interface_outputs: dict[str, _Object] | None = None
    creation_method: str | None = None
    referenced_workflows: list[str] | None = None
    preview_target: PreviewTarget | None = None

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: _Object) -> _Object:
        return {key: value for key, value in data.items() if value is not None}
