"""What users do in a month. This is the one place that says so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from infra.cost import assumptions as assumed
from infra.cost.runs import CHAT, MEDIUM, Kind, Way
from infra.cost.stage import Stage
from infra.cost.usage import Usage, difference, times, total

_PROJECT = "Tales"
_WORKFLOW = "First draft"
_STUDIO = (
    "/api/auth/current",
    "/api/plugins",
    "/api/nodes",
    "/api/projects",
    f"/api/projects/{_PROJECT}/workflows",
)


@dataclass(frozen=True, slots=True)
class User:
    """What one does in a month. A visit opens the studio, a socket and a workflow."""

    name: str
    visits: int
    minutes_a_visit: int
    saves: int
    workflows_run: int
    replies: int

    @property
    def runs(self) -> Mapping[Kind, int]:
        """How many runs of which kind."""
        return {MEDIUM: self.workflows_run, CHAT: self.replies}


OCCASIONAL = User("occasional", 4, 20, saves=10, workflows_run=10, replies=30)
REGULAR = User("regular", 20, 45, saves=100, workflows_run=100, replies=400)
HEAVY = User("heavy", 30, 240, saves=600, workflows_run=1000, replies=3000)
USERS = (OCCASIONAL, REGULAR, HEAVY)


@dataclass(frozen=True, slots=True)
class Actions:
    """What a visit and a save use, counted."""

    visit: Usage
    save: Usage


def count_actions(stage: Stage) -> Actions:
    """Do each once, after a first time that warms up."""
    stage.http("POST", "/api/projects", {"name": _PROJECT})
    made = stage.http("POST", f"/api/projects/{_PROJECT}/workflows", _workflow())
    workflow = f"/api/projects/{_PROJECT}/workflows/{made['id']}"
    _visit(stage, workflow)
    stage.http("PUT", workflow, _workflow())
    first = stage.reading()
    _visit(stage, workflow)
    second = stage.reading()
    stage.http("PUT", workflow, _workflow())
    third = stage.reading()
    return Actions(difference(second, first), difference(third, second))


def month(user: User, actions: Actions, runs: Mapping[tuple[Kind, Way], Usage], way: Way) -> Usage:
    """What a user's month uses."""
    files = user.visits / 4
    page = {
        "cloudfront.out_bytes": files * assumed.WEB_CLIENT_BYTES.value,
        "cloudfront.requests": files * assumed.WEB_CLIENT_FILES.value,
        "cloudfront.functions": files * assumed.WEB_CLIENT_FILES.value,
        "s3.reads": files * assumed.WEB_CLIENT_FILES.value,
        "socket.minutes": user.visits * user.minutes_a_visit,
    }
    parts = [page, times(actions.visit, user.visits), times(actions.save, user.saves)]
    parts += [times(runs[kind, way], count) for kind, count in user.runs.items()]
    return total(parts)


def _visit(stage: Stage, workflow: str) -> None:
    stage.connect("visitor", batched=True)
    for target in (*_STUDIO, workflow):
        stage.http("GET", target)
    stage.disconnect("visitor")


def _workflow() -> dict[str, Any]:
    """The document of 20 nodes, as the editor saves it."""
    steps = MEDIUM.payload()
    nodes = [
        {
            "id": node["id"],
            "type": node["fullType"],
            "position": {"x": 120.5 * place, "y": 80.25},
            "data": {"label": "Step"},
            "width": 350,
            "height": 200,
            "displayName": "Step",
            "inputValues": node["inputs"],
        }
        for place, node in enumerate(steps["nodes"])
    ]
    edges = [
        {
            "id": edge["id"],
            "source": edge["sourceNodeId"],
            "sourceHandle": edge["sourceHandle"],
            "target": edge["targetNodeId"],
            "targetHandle": edge["targetHandle"],
        }
        for edge in steps["edges"]
    ]
    viewport = {"x": 0, "y": 0, "zoom": 1}
    return {"name": _WORKFLOW, "nodes": nodes, "edges": edges, "viewport": viewport}
