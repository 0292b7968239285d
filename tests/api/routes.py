"""Targets of requests, from the paths of the route table."""

import re
from collections.abc import Mapping
from urllib.parse import quote

_PARAMETER = re.compile(r"\{(\w+)\}")


def parameters(path: str) -> tuple[str, ...]:
    """The names of a path's parameters.

    >>> parameters("/api/projects/{project_id}/workflows/{workflow_id}")
    ('project_id', 'workflow_id')
    """
    return tuple(_PARAMETER.findall(path))


def filled(path: str, values: Mapping[str, str] | None = None) -> str:
    """A path with these parameters; without them, with some that nothing has.

    >>> filled("/api/projects/{project_id}", {"project_id": "a b"})
    '/api/projects/a%20b'
    """

    def value(found: re.Match[str]) -> str:
        return "x" if values is None else quote(values[found[1]], safe="")

    return _PARAMETER.sub(value, path)
