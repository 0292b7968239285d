"""The zip file that an operator's command writes on his machine."""

import base64
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

_ENTRY_MODE = 0o600 << 16


class Archive:
    """A new zip file for its user alone, with ``count`` files so far.

    ``OSError`` if there is a file already, or it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.count = 0
        self._path = path
        self._pieces: list[bytes] = []

    def __enter__(self) -> Self:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        self._file = os.fdopen(os.open(self._path, flags, 0o600), "wb")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED)
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._file.close()

    def keep(self, files: Sequence[Mapping[str, Any]]) -> None:
        """Add files, ``{name, body, whole}`` each; what is no ``whole`` goes on in the next."""
        for file in files:
            self._pieces.append(base64.b64decode(file["body"]))
            if file["whole"]:
                entry = zipfile.ZipInfo(file["name"])
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = _ENTRY_MODE
                self._zip.writestr(entry, b"".join(self._pieces))
                self._pieces.clear()
                self.count += 1
