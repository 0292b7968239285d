"""Bodies that are right, to start from."""

from typing import Any

RUN: dict[str, Any] = {
    "nodes": [
        {
            "id": "sum",
            "fullType": "core:MathOperation",
            "inputs": {"a": 1, "b": 2},
            "configValues": {"operation": "add"},
            "bypassed": False,
            "inputConnectionOrders": {"a": ["e"]},
        },
        {"id": "twice", "fullType": "core:MathOperation", "inputs": {"b": 2}},
    ],
    "edges": [
        {
            "id": "e",
            "sourceNodeId": "sum",
            "sourceHandle": "result",
            "targetNodeId": "twice",
            "targetHandle": "a",
        }
    ],
    "interfaceInputs": {"start": {"config": {"default": 1}}},
    "interfaceOutputs": {"total": {"displayName": "Total", "dataFlowType": "FLOAT"}},
    "outputInterfaceMappings": {"total": {"sourceNodeId": "twice", "sourceSlotKey": "result"}},
    "metadata": {"workflowName": "Sums"},
}

PROJECT: dict[str, Any] = {
    "name": "p",
    "description": "Where tests live",
    "version": "2.0.0",
    "preferredView": "custom",
    "schemaVersion": "1.0.0",
    "panels": [{"id": "one"}],
    "enableChatPage": False,
    "customMetadata": {"colour": "red"},
}

NODE: dict[str, Any] = {
    "id": "n",
    "type": "core:MathOperation",
    "position": {"x": 1, "y": -2.5},
    "data": {"any": [1, None]},
    "displayName": "Sum",
    "configValues": {"operation": "add"},
    "inputValues": {"a": 1},
    "inputConnectionOrders": {"a": ["e"]},
}

WORKFLOW: dict[str, Any] = {
    "id": "w",
    "name": "W",
    "description": "Adds",
    "nodes": [
        NODE,
        {
            "id": "group",
            "type": "core:NodeGroup",
            "position": {"x": 0, "y": 0},
            "configValues": {"referencedWorkflowId": "other"},
        },
    ],
    "edges": [{"id": "e", "source": "n", "target": "group", "sourceHandle": "result"}],
    "viewport": {"x": 0, "y": 0, "zoom": 1},
    "interfaceInputs": {"a": {"displayName": "A", "dataFlowType": "FLOAT"}},
    "interfaceOutputs": {"b": {"displayName": "B", "dataFlowType": "FLOAT"}},
    "referencedWorkflows": ["other"],
    "previewTarget": {"nodeId": "n", "slotKey": "result"},
}
