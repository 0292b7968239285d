"""Group 4: node definitions and their client scripts."""

from chalicelib import container
from chalicelib.api.groups import Group
from chalicelib.api.http import Call, Reply
from chalicelib.services import node_reload

group = Group(__name__)
reloads = Group(f"{__name__}.reloads", success_flag=True)

# ``{proxy+}`` is no view argument in Chalice and matches one segment locally,
# so each depth of a script's path is a route of its own.
_SCRIPT_DEPTHS = range(1, 7)
_SCRIPT = "/api/nodes/{namespace}/{node_type}/client-script"


@group.get("/api/nodes")
def definitions(_call: Call) -> Reply:
    """Every NodeDefinition."""
    return Reply(container.registry().definitions())


@reloads.post("/api/nodes/reload", access="admin")
def reload(_call: Call) -> Reply:
    """Read the node packs again and tell every connection."""
    outcome = node_reload.reload(
        container.registry(), container.connections(), container.advance_registry_generation
    )
    return Reply(outcome)


def client_script(_call: Call, namespace: str, node_type: str, **parts: str) -> Reply:
    """A script of a node, by its path inside the node's pack."""
    path = "/".join(parts[name] for name in sorted(parts))
    script = container.registry().client_script(namespace, node_type, path)
    headers = {"Cache-Control": "no-cache"}
    kind = "application/javascript; charset=utf-8"
    return Reply(script.decode(), headers=headers, content_type=kind)


for _depth in _SCRIPT_DEPTHS:
    _path = _SCRIPT + "".join(f"/{{part{number}}}" for number in range(1, _depth + 1))
    group.get(_path)(client_script)
    group.head(_path)(client_script)
