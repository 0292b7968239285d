"""Global workflows: templates that everyone may read.

On one machine they are the JSON files of a folder; in the cloud those below
the shared prefix, or the shipped ones while it is empty.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from chalicelib import json_text
from chalicelib.errors import InvalidInput, NotFound
from chalicelib.ports import DocumentStore

_logger = logging.getLogger(__name__)
_PREFIX = "shared/workflows/"
_SUFFIX = ".json"


class Templates:
    """Reads templates anew each time: files may be put there while the server runs."""

    def __init__(self, folder: Path, documents: DocumentStore | None = None) -> None:
        self._folder = folder
        self._documents = documents

    def list(self) -> list[dict[str, str]]:
        """Ids and names, by id. What cannot be read is left out and logged."""
        return [{"id": key, "name": _name(key, value)} for key, value in self._all()]

    def get(self, template_id: str) -> dict[str, Any]:
        """A template as it is stored, with its id; ``NotFound``."""
        for key, value in self._all():
            if key == template_id:
                return {**value, "id": key, "name": _name(key, value)}
        raise NotFound("No such global workflow")

    def _all(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for key, body in self._sources():
            if not key.isprintable():
                # Also a file name that is no unicode: nobody could ask for it.
                _logger.warning("Template %r is left out: its name cannot be shown", key)
                continue
            try:
                value = json_text.loads(body)
            except InvalidInput as error:
                _logger.warning("Template %s is left out: %s", key, error.message)
                continue
            if isinstance(value, dict):
                yield key, value
            else:
                _logger.warning("Template %s is left out: it is no object", key)

    def _sources(self) -> Iterator[tuple[str, bytes]]:
        shared = self._shared_keys()
        if shared and self._documents is not None:
            for key in shared:
                name = key.removeprefix(_PREFIX).removesuffix(_SUFFIX)
                yield name, self._documents.get(key).body
            return
        for file in sorted(self._folder.glob(f"*{_SUFFIX}")):
            try:
                yield file.stem, file.read_bytes()
            except OSError as error:
                _logger.warning("Template %s is left out: %s", file.stem, error.strerror)

    def _shared_keys(self) -> Sequence[str]:
        if self._documents is None:
            return ()
        keys = self._documents.keys(_PREFIX)
        return [key for key in keys if key.endswith(_SUFFIX) and key.count("/") == 2]


def _name(template_id: str, value: Mapping[str, Any]) -> str:
    name = value.get("name")
    return name if isinstance(name, str) and name.strip() else template_id
