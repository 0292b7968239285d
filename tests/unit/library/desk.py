"""A user's desk: the services of projects and workflows over stores in memory."""

from dataclasses import dataclass, field
from typing import Any

from chalicelib.ports import DocumentStore, Index
from chalicelib.services.library.index_repair import IndexRepair
from chalicelib.services.library.projects import Projects
from chalicelib.services.library.recycle_bin import RecycleBin
from chalicelib.services.library.workflows import Workflows
from tests.clock import ManualClock

ADA = "ada"
BOB = "bob"


@dataclass
class Desk:
    """The services, and what is behind them."""

    documents: DocumentStore
    index: Index
    clock: ManualClock
    projects: Projects = field(init=False)
    workflows: Workflows = field(init=False)
    bin: RecycleBin = field(init=False)
    repair: IndexRepair = field(init=False)

    def __post_init__(self) -> None:
        stores = (self.documents, self.index, self.clock)
        self.projects = Projects(*stores)
        self.workflows = Workflows(*stores)
        self.bin = RecycleBin(*stores)
        self.repair = IndexRepair(*stores)

    def project(self, name: str = "Novel", uid: str = ADA) -> str:
        """A new project; its id."""
        return str(self.projects.create(uid, {"name": name}).value["id"])

    def workflow(self, project_id: str, name: str, **fields: Any) -> str:
        """A new workflow of Ada's; its id."""
        created = self.workflows.create(ADA, project_id, {"name": name, **fields})
        return str(created.value["id"])

    def names(self, project_id: str) -> list[str]:
        """The names of the workflows that Ada sees listed."""
        return [each["name"] for each in self.workflows.list(ADA, project_id)]

    def project_ids(self, uid: str = ADA) -> list[str]:
        """The ids of the projects that are listed."""
        return [each["id"] for each in self.projects.list(uid)]

    def bin_id(self) -> str:
        """The id of the only entry of Ada's recycle bin."""
        (entry,) = self.bin.list(ADA)
        return str(entry["id"])


def node(node_id: str, node_type: str = "core:TextMerge", **fields: Any) -> dict[str, Any]:
    """A node on the canvas."""
    return {"id": node_id, "type": node_type, "position": {"x": 10, "y": 20.5}, **fields}


WHOLE: dict[str, Any] = {
    "name": "Chapter",
    "description": "d",
    "nodes": [
        node(
            "a",
            inputValues={"text_inputs": ["x"], "zero": 0},
            configValues={"k": None},
            inputConnectionOrders={"text_inputs": ["e"]},
            width=12,
            unknown={"deep": [1.0, 10, "夜"]},
        )
    ],
    "edges": [{"id": "e", "source": "a", "target": "a", "sourceHandle": None, "markerEnd": {}}],
    "viewport": {"x": 1, "y": 2.5, "zoom": 0.5},
    "interfaceInputs": {"in": {"dataFlowType": "STRING"}},
    "interfaceOutputs": {},
    "creationMethod": "manual",
    "referencedWorkflows": ["other"],
    "previewTarget": None,
    "unknown": {"kept": True},
}
"""All that a client may send of a workflow, and more."""


def group(node_id: str, runs: str, **fields: Any) -> dict[str, Any]:
    """A NodeGroup that runs a workflow."""
    return node(node_id, "core:NodeGroup", configValues={"referencedWorkflowId": runs}, **fields)
