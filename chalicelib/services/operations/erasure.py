"""Erasing a user: every object with all versions, every row, every run.

Each step may be done again, and the profile goes last: what a crash or the end of
the time has left is found by its name again.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice

from chalicelib.errors import InvalidInput
from chalicelib.ports import Change, Clock, DocumentStore, Entry, Index, Put, Remove, RunLog
from chalicelib.schemas.usernames import folded
from chalicelib.services.accounts import audit, rows
from chalicelib.services.accounts.users import Holdings
from chalicelib.services.connections import Connections
from chalicelib.services.imports.ending import Ending as ImportEnding
from chalicelib.services.operations import belongings
from chalicelib.services.operations.commands import Answer, Row
from chalicelib.services.operations.users import UserOperations

HasTime = Callable[[], bool]
_REMOVED_AT_ONCE = 100
_LOOK_SECONDS = 0.5


@dataclass(slots=True)
class _Removed:
    """How much was removed in this turn."""

    user: str
    runs: int = 0
    objects: int = 0
    rows: int = 0

    def row(self) -> Row:
        """As an answer's row."""
        return asdict(self)


class Erasure:
    """Removes users for good."""

    def __init__(
        self,
        *,
        operations: UserOperations,
        accounts: Index,
        index: Index,
        documents: DocumentStore,
        log: RunLog,
        connections: Connections,
        imports: ImportEnding,
        clock: Clock,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._operations = operations
        self._accounts = accounts
        self._index = index
        self._documents = documents
        self._log = log
        self._connections = connections
        self._imports = imports
        self._clock = clock
        self._pause = pause

    def erase(self, username: str, confirm: str, has_time: HasTime) -> Answer:
        """Erase a user; one row of what was removed, or what to go on with.

        ``InvalidInput`` unless both names are the same; ``NotFound``; ``Conflict`` for
        the one user of a server without accounts.
        """
        if confirm != username:
            raise InvalidInput.field("confirm", "the same name again is expected")
        holdings = self._operations.account_of(username)
        uid = holdings.user.uid
        self._operations.lock_out(uid, "The account is erased")
        removed = _Removed(uid)
        if not self._workers_have_let_go(uid, has_time):
            return _unfinished(removed, confirm)
        for prompt_id in {*belongings.runs(self._documents, uid), *self._active(uid)}:
            if not has_time():
                return _unfinished(removed, confirm)
            self._log.purge(prompt_id)
            removed.runs += 1
        library = belongings.library(self._documents, self._index, uid)
        removed.rows += self._remove(self._index, library)
        for key in belongings.objects(self._documents, uid):
            if not has_time():
                return _unfinished(removed, confirm)
            self._documents.purge(key)
            removed.objects += 1
        removed.rows += self._log.purge_keys(uid)
        for connection in self._connections.of_user(uid):
            self._connections.unregister(connection.id)
            removed.rows += 2
        removed.rows += self._remove(self._accounts, belongings.account(self._accounts, uid))
        removed.rows += self._forget(holdings)
        return Answer([removed.row()], "Backups, and the tables' own history, go with their time")

    def _workers_have_let_go(self, uid: str, has_time: HasTime) -> bool:
        """Wait until none holds a run or an import: it would write what was removed again."""
        while self._is_worked_for(uid):
            if not has_time():
                return False
            self._pause(_LOOK_SECONDS)
        return True

    def _is_worked_for(self, uid: str) -> bool:
        now = self._clock.now()
        if any(run.lease_until > now for run in self._log.active(uid)):
            return True
        return self._imports.is_held(uid)

    def _active(self, uid: str) -> Iterator[str]:
        yield from (run.prompt_id for run in self._log.active(uid))

    def _remove(self, index: Index, entries: Iterable[Entry]) -> int:
        rest = iter(list(entries))
        count = 0
        while some := list(islice(rest, _REMOVED_AT_ONCE)):
            index.write(*(Remove(entry.partition, entry.key) for entry in some))
            count += len(some)
        return count

    def _forget(self, holdings: Holdings) -> int:
        """The last rows, in one write with the entry that tells of it, which has no name."""
        user = holdings.user
        partition = rows.of_username(folded(user.username))
        changes: list[Change] = [
            Remove(rows.of_user(user.uid), rows.PROFILE),
            Remove(partition, rows.USERNAME),
            Remove(rows.USERS, user.uid),
        ]
        first = self._accounts.get(*rows.ADMINISTRATOR)
        others: list[Change] = [audit.entry(user.uid, "erased", self._clock.now())]
        if first is not None and first.value.get("uid") == user.uid:
            # It stays, without his uid: the next who registers is no first administrator.
            others.append(Put(Entry(*rows.ADMINISTRATOR, {})))
        self._accounts.write(*changes, *others)
        return len(changes)


def _unfinished(removed: _Removed, confirm: str) -> Answer:
    return Answer([removed.row()], following={"confirm": confirm})
