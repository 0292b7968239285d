"""The HTTP routes: one module a route group; ``http`` holds what they share."""

from chalice.app import Chalice

from chalicelib.api import (
    admin_users,
    audit,
    auth,
    character_books,
    character_files,
    character_imports,
    characters,
    executions,
    local_uploads,
    lorebooks,
    nodes,
    plugins,
    projects,
    recycle_bin,
    user_keys,
    user_profile,
    workflows,
)
from chalicelib.api.cors import cors_headers
from chalicelib.api.groups import Group
from chalicelib.api.http import Access, unknown_path

GROUPS: tuple[Group, ...] = (
    admin_users.group,
    audit.group,
    auth.group,
    character_books.group,
    character_files.group,
    character_imports.group,
    characters.group,
    plugins.group,
    executions.group,
    executions.interrupts,
    lorebooks.group,
    nodes.group,
    nodes.reloads,
    projects.group,
    recycle_bin.group,
    user_keys.group,
    user_profile.group,
    local_uploads.group,
    workflows.group,
)


__all__ = ["GROUPS", "access", "cors_headers", "register", "unknown_path"]


def register(app: Chalice) -> dict[str, tuple[str, ...]]:
    """Put every route group into the app; the route table: paths and their methods."""
    # Chalice has types that it gives to nobody who does not name them in Accept. Which of
    # our answers are bytes, groups say.
    app.api.binary_types = []
    table: dict[str, tuple[str, ...]] = {}
    for group in GROUPS:
        table |= group.register(app)
    return table


def access() -> dict[tuple[str, str], Access]:
    """What every route asks of its caller, by method and path."""
    return {route: asked for group in GROUPS for route, asked in group.access().items()}
