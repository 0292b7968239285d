"""What a workflow shows to others, and the copies of it that NodeGroup nodes carry.

Pure functions of WorkflowObjects, which may hold anything where the schema does
not look.
"""

from typing import Any

from chalicelib.schemas.workflows import is_workflow_id

Document = dict[str, Any]
Interface = dict[str, Any]

_NODE_GROUPS = frozenset({"core:NodeGroup", "NodeGroup"})


def interface_of(workflow: Document) -> Interface:
    """The inputs and outputs by which other workflows use this one."""
    return {
        "inputs": workflow.get("interfaceInputs") or {},
        "outputs": workflow.get("interfaceOutputs") or {},
    }


def references(workflow: Document) -> list[str]:
    """The ids of the workflows that its NodeGroups run, each once, in order."""
    found = (_reference(node) for node in _nodes(workflow))
    return list(dict.fromkeys(each for each in found if each))


def with_interface(workflow: Document, used_id: str, interface: Interface) -> Document | None:
    """The workflow with its copies of the used workflow's interface renewed; None if they are."""
    nodes = [_renewed(node, used_id, interface) for node in _nodes(workflow)]
    return None if nodes == _nodes(workflow) else {**workflow, "nodes": nodes}


def _nodes(workflow: Document) -> list[Document]:
    nodes = workflow.get("nodes")
    return nodes if isinstance(nodes, list) else []


def _reference(node: Document) -> str | None:
    if not isinstance(node, dict) or node.get("type") not in _NODE_GROUPS:
        return None
    config = node.get("configValues")
    reference = config.get("referencedWorkflowId") if isinstance(config, dict) else None
    return reference if isinstance(reference, str) and is_workflow_id(reference) else None


def _renewed(node: Document, used_id: str, interface: Interface) -> Document:
    if _reference(node) != used_id:
        return node
    data = node.get("data")
    return {
        **node,
        "data": {**(data if isinstance(data, dict) else {}), "groupInterface": interface},
    }
