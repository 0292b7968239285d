"""Targets of requests, from the paths of the route table."""

import re
from collections.abc import Mapping
from urllib.parse import quote

_PARAMETER = re.compile(r"\{(\w+)\}")
# The errors of these routes also carry ``success`` and ``message``.
_FLAGGED = ("/api/interrupt", "/api/nodes/reload", "/api/characters", "/api/lorebooks")
# What parameters of these paths name, where others of the same name are something else.
_APART: Mapping[str, Mapping[str, str]] = {
    "/api/characters/upload/": {"upload_id": "character_upload_id"},
    "/api/characters/{character_id}/versions/": {"version": "character_version"},
    "/api/lorebooks/{lorebook_id}/versions/": {"version": "lorebook_version"},
}


def is_flagged(path: str) -> bool:
    """Do the errors of this path carry the flag ``success``?"""
    return path.startswith(_FLAGGED)


def parameters(path: str) -> tuple[str, ...]:
    """What a path's parameters name.

    >>> parameters("/api/projects/{project_id}/workflows/{workflow_id}")
    ('project_id', 'workflow_id')
    >>> parameters("/api/characters/{character_id}/versions/{version}")
    ('character_id', 'character_version')
    """
    return tuple(_named(path, name) for name in _PARAMETER.findall(path))


def filled(path: str, values: Mapping[str, str] | None = None) -> str:
    """A path with what its parameters name; without values, with what nothing is called.

    >>> filled("/api/projects/{project_id}", {"project_id": "a b"})
    '/api/projects/a%20b'
    """

    def value(found: re.Match[str]) -> str:
        return "x" if values is None else quote(values[_named(path, found[1])], safe="")

    return _PARAMETER.sub(value, path)


def _named(path: str, parameter: str) -> str:
    for start, names in _APART.items():
        if path.startswith(start):
            return names.get(parameter, parameter)
    return parameter
