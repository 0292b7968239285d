"""All data of a user as files, in pieces that fit the answer of a function.

First ``account.json`` and ``library.json`` with the rows, then the logs of runs that
have not ended, then every version of every object: the current one under its key,
older ones under ``versions/``. Hashes of passwords and tokens, and sealed
credentials, stay where they are.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from chalicelib import json_text
from chalicelib.errors import InvalidInput, NotFound
from chalicelib.ports import DocumentStore, Entry, Index, RunLog
from chalicelib.services.accounts import rows
from chalicelib.services.accounts.audit import Audit
from chalicelib.services.operations import belongings
from chalicelib.services.operations.commands import Answer, File
from chalicelib.services.operations.users import UserOperations

_PIECE_BYTES = 3 * 1024 * 1024
_SECRET_FIELDS = frozenset({"passwordHash", "envelope", "lookup", "hash", "boundTo"})


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an export goes on: in this object's version, from this byte."""

    prefix: int = 0
    key: str = ""
    version: str = ""
    offset: int = 0

    @classmethod
    def read(cls, text: str) -> "_Place":
        """What ``text`` gave; ``InvalidInput``."""
        try:
            return cls(**json.loads(base64.urlsafe_b64decode(text.encode())))
        except (ValueError, TypeError) as error:
            raise InvalidInput.field("after", "this is no place to go on from") from error

    def text(self) -> str:
        """As an argument."""
        return base64.urlsafe_b64encode(json.dumps(asdict(self)).encode()).decode()


class Export:
    """Reads out what there is of a user."""

    def __init__(
        self,
        *,
        operations: UserOperations,
        accounts: Index,
        index: Index,
        documents: DocumentStore,
        log: RunLog,
        audit: Audit,
    ) -> None:
        self._operations = operations
        self._accounts = accounts
        self._index = index
        self._documents = documents
        self._log = log
        self._audit = audit

    def export(self, username: str, after: str | None, has_time: Callable[[], bool]) -> Answer:
        """Some of the files; ``following`` if there are more. ``NotFound``, ``InvalidInput``."""
        uid = self._operations.find(username).user.uid
        files: list[File] = []
        if after is None:
            self._audit.note(uid, "exported")
            files += self._rows(uid)
        size = sum(len(file.body) for file in files)
        place = _Place() if after is None else _Place.read(after)
        while size < _PIECE_BYTES and has_time():
            piece = self._next(uid, place, _PIECE_BYTES - size)
            if piece is None:
                return Answer([], files=files)
            file, place = piece
            files.append(file)
            size += len(file.body)
        return Answer([], files=files, following={"after": place.text()})

    def _rows(self, uid: str) -> Iterator[File]:
        profile = self._accounts.get(rows.of_user(uid), rows.PROFILE)
        account = [*([] if profile is None else [profile])]
        account += belongings.account(self._accounts, uid)
        yield _file("account.json", [_shown(entry) for entry in account])
        library = belongings.library(self._documents, self._index, uid)
        yield _file("library.json", [_shown(entry) for entry in library])
        for run in self._log.active(uid):
            try:
                header, batches = self._log.load(run.prompt_id)
            except NotFound:
                continue
            told = {"run": asdict(header), "batches": [asdict(batch) for batch in batches]}
            yield _file(f"active-runs/{run.prompt_id}.json", told)

    def _next(self, uid: str, place: _Place, most: int) -> tuple[File, _Place] | None:
        """The next piece at or past a place, and the place past that."""
        for number, prefix in enumerate(belongings.prefixes(uid)):
            if number < place.prefix:
                continue
            begun = place if number == place.prefix else _Place(number)
            for key, version, name in self._versions(prefix, begun):
                start = begun.offset if (key, version) == (begun.key, begun.version) else 0
                try:
                    body = self._documents.get(key, version).body
                except NotFound:  # removed meanwhile
                    continue
                end = min(len(body), start + most)
                whole = end == len(body)
                next_offset = -1 if whole else end
                file = File(name, body[start:end], whole=whole)
                return file, _Place(number, key, version, next_offset)
        return None

    def _versions(self, prefix: str, place: _Place) -> Iterator[tuple[str, str, str]]:
        """Key, version and file name of each that follows a place, or is only begun."""
        waiting: dict[str, str] = {}
        current = None
        for key, version in self._documents.history(prefix, after=_before(place.key)):
            if key != current:
                yield from _of_key(current or "", waiting, place)
                current, waiting = key, {}
            if not version.deleted:
                older = f"versions/{key}/{version.version}"
                waiting[version.version] = key if version.current else older
        yield from _of_key(current or "", waiting, place)


def _of_key(key: str, names: Mapping[str, str], place: _Place) -> Iterator[tuple[str, str, str]]:
    """In an order that is the same whenever it is asked for."""
    for version, name in sorted(names.items()):
        if key == place.key and (
            version < place.version or (version == place.version and place.offset < 0)
        ):
            continue
        yield key, version, name


def _before(key: str) -> str | None:
    """What comes right before a key, so that the key itself is found again."""
    return key[:-1] or None


def _shown(entry: Entry) -> dict[str, Any]:
    value = {name: each for name, each in entry.value.items() if name not in _SECRET_FIELDS}
    return {"partition": entry.partition, "key": entry.key, "value": value}


def _file(name: str, value: object) -> File:
    return File(name, json_text.dumps_exact(value).encode())
