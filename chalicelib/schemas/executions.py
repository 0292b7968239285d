"""What a client submits to run (WorkflowExecutionPayload). Unknown fields are ignored."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, StringConstraints
from pydantic.alias_generators import to_camel

# Ids and handles come back in every event; a kilobyte is far more than any client needs.
Name = Annotated[str, StringConstraints(strict=True, max_length=1024)]
Id = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=1024)]


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, extra="ignore")


class ExecutionNode(_Model):
    """A node to run: ``fullType`` is ``namespace:type``."""

    id: Id
    full_type: Id
    inputs: dict[str, Any] | None = None
    config_values: dict[str, Any] | None = None
    bypassed: StrictBool | None = None
    input_connection_orders: dict[str, list[StrictStr]] | None = None


class ExecutionEdge(_Model):
    """A connection; ``slot__0`` as a handle means slot ``slot``."""

    id: StrictStr | None = None
    source_node_id: Id
    source_handle: Name | None = None
    target_node_id: Id
    target_handle: Name | None = None


class OutputMapping(_Model):
    """Where an output of the workflow's interface comes from."""

    source_node_id: Name
    source_slot_key: Name


class ExecutionPayload(_Model):
    """A workflow to run."""

    workflow_id: StrictStr | None = None
    nodes: list[ExecutionNode] = Field(max_length=10_000)
    edges: list[ExecutionEdge] = Field(default=[], max_length=100_000)
    interface_inputs: dict[str, dict[str, Any]] | None = None
    interface_outputs: dict[str, dict[str, Any]] | None = None
    output_interface_mappings: dict[str, OutputMapping] | None = None
    client_id: StrictStr | None = None
    metadata: dict[str, Any] | None = None
