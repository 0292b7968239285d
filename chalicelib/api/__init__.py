"""The HTTP routes: one module a route group; ``http`` holds what they share."""

from chalice.app import Chalice

from chalicelib.api import (
    admin_users,
    audit,
    auth,
    executions,
    local_uploads,
    nodes,
    plugins,
    projects,
    recycle_bin,
    user_keys,
    user_profile,
    workflows,
)
from chalicelib.api.http import Access, Group, unknown_path

GROUPS: tuple[Group, ...] = (
    admin_users.group,
    audit.group,
    auth.group,
    plugins.group,
    executions.group,
    executions.interrupts,
    nodes.group,
    nodes.reloads,
    projects.group,
    recycle_bin.group,
    user_keys.group,
    user_profile.group,
    local_uploads.group,
    workflows.group,
)


__all__ = ["GROUPS", "access", "register", "unknown_path"]


def register(app: Chalice) -> dict[str, tuple[str, ...]]:
    """Put every route group into the app; the route table: paths and their methods."""
    table: dict[str, tuple[str, ...]] = {}
    for group in GROUPS:
        table |= group.register(app)
    return table


def access() -> dict[tuple[str, str], Access]:
    """What every route asks of its caller, by method and path."""
    return {route: asked for group in GROUPS for route, asked in group.access().items()}
