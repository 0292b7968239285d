"""Imports over the embedded family in memory, joined as the container does."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.adapters.embedded.index import EmbeddedIndex
from chalicelib.adapters.embedded.queue import EmbeddedQueue
from chalicelib.adapters.embedded.uploads import EmbeddedUploads
from chalicelib.cards.png import write_png
from chalicelib.cards.reading import read
from chalicelib.ports import Connection, DocumentStore, Index
from chalicelib.services.callers import Caller
from chalicelib.services.characters.characters import Characters
from chalicelib.services.characters.rows import CharacterKind
from chalicelib.services.connections import Connections
from chalicelib.services.imports import report, worker
from chalicelib.services.imports.dispatch import Dispatch, named_in
from chalicelib.services.imports.ending import Ending
from chalicelib.services.imports.imports import Imports, Parts
from chalicelib.services.imports.jobs import Job, Jobs
from chalicelib.services.imports.worker import ImportWorker, TimeLeft
from chalicelib.services.library.shelf import Shelf
from chalicelib.services.library.shelf_repair import ShelfRepair
from chalicelib.services.library.usage import UNLIMITED, StorageLimits
from chalicelib.services.uploads import OfferedUploads
from tests.clock import ManualClock
from tests.metrics import MetricsInMemory
from tests.sockets import SocketsInMemory
from tests.unit.library.fuses import Fuse, FusedDocuments, FusedIndex
from tests.unit.pictures.samples import png

ADA = "ada"
VISIBILITY_SECONDS = 60


def plenty() -> float:
    """More time than any import takes."""
    return 840.0


@dataclass
class Depot:
    """A store with imports; ``through`` gives the same behind a fuse."""

    clock: ManualClock
    documents: DocumentStore
    index: Index
    queue: EmbeddedQueue
    sockets: SocketsInMemory
    limits: StorageLimits = UNLIMITED

    @classmethod
    def on(cls, database: Database, limits: StorageLimits = UNLIMITED) -> "Depot":
        """Over a database, which the caller closes."""
        clock = ManualClock()
        return cls(
            clock=clock,
            documents=EmbeddedDocuments(database, clock),
            index=EmbeddedIndex(database, clock),
            queue=EmbeddedQueue(
                database,
                clock,
                "imports",
                visibility_timeout=VISIBILITY_SECONDS,
                max_receives=5,
                dead_letter="dead",
            ),
            sockets=SocketsInMemory(),
            limits=limits,
        )

    def through(self, fuse: Fuse) -> "Depot":
        """The same stores, each call of them past the fuse."""
        return Depot(
            clock=self.clock,
            documents=FusedDocuments(self.documents, fuse),
            index=FusedIndex(self.index, fuse),
            queue=self.queue,
            sockets=self.sockets,
            limits=self.limits,
        )

    @property
    def jobs(self) -> Jobs:
        return Jobs(self.index, self.clock)

    @property
    def shelf(self) -> Shelf:
        kind = CharacterKind(self.index)
        return Shelf(kind, self.documents, self.index, self.clock, self.limits)

    @property
    def characters(self) -> Characters:
        """One at a time."""
        return Characters(self.shelf, CharacterKind(self.index))

    @property
    def connections(self) -> Connections:
        return Connections(self.index, self.sockets, self.clock, MetricsInMemory())

    @property
    def dispatch(self) -> Dispatch:
        return Dispatch(self.queue, self.jobs, self.clock)

    @property
    def ending(self) -> Ending:
        return Ending(
            jobs=self.jobs,
            documents=self.documents,
            dispatch=self.dispatch,
            connections=self.connections,
            clock=self.clock,
        )

    @property
    def uploads(self) -> OfferedUploads:
        uploads = EmbeddedUploads(self.documents, self.index, self.clock)
        return OfferedUploads(
            uploads=uploads, documents=self.documents, index=self.index, clock=self.clock
        )

    @property
    def imports(self) -> Imports:
        return Imports(
            Parts(
                jobs=self.jobs,
                documents=self.documents,
                index=self.index,
                uploads=self.uploads,
                dispatch=self.dispatch,
                ending=self.ending,
                max_request_bytes=1_000_000,
            )
        )

    @property
    def worker(self) -> ImportWorker:
        return ImportWorker(
            worker.Parts(
                jobs=self.jobs,
                characters=self.characters,
                documents=self.documents,
                index=self.index,
                dispatch=self.dispatch,
                ending=self.ending,
                clock=self.clock,
            )
        )

    def work(self, *, time_left: TimeLeft = plenty) -> int:
        """Deliver what is in the queue, as the event source does; how many messages."""
        count = 0
        while (message := self.queue.receive()) is not None:
            uid, import_id = named_in(message.body)
            again = message.receive_count > 1
            self.worker.work(uid, import_id, redelivered=again, time_left=time_left)
            self.queue.delete(message.receipt)
            count += 1
        return count

    def send(self, token: str, data: bytes) -> None:
        """A client sends a file to what it was offered."""
        EmbeddedUploads(self.documents, self.index, self.clock).receive(token, data)

    def connect(self, name: str = ADA) -> None:
        """A user opens a socket."""
        caller = Caller(name, name, is_admin=False)
        self.connections.register(caller, Connection(name, "https://example/api", batched=False))

    def job(self, import_id: str) -> Job:
        """An import, as it stands."""
        return self.jobs.get(ADA, import_id)

    def lines(self, import_id: str) -> list[dict[str, Any]]:
        """The whole report."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = report.page(self.index, ADA, import_id, cursor)
            found += page.lines
            if page.cursor is None:
                return found
            cursor = page.cursor

    def listed(self) -> list[tuple[str, str | None]]:
        """Name and picture of each listed character, by name."""
        rows = self.index.query(self.shelf.partition(ADA), "item/").entries
        shown = [row.value["entry"] for row in rows]
        return sorted((each["name"], each["imageName"]) for each in shown)

    def listed_anew(self) -> list[tuple[str, str | None]]:
        """The same once the index was made from the objects alone."""
        ShelfRepair(self.shelf).rebuild(ADA, None, lambda: True)
        return self.listed()


def card(name: str, **fields: Any) -> bytes:
    """A file of version 2."""
    data = {"name": name, "description": f"{name} counts", **fields}
    return json.dumps({"spec": "chara_card_v2", "spec_version": "2.0", "data": data}).encode()


def picture_of(name: str, shade: int) -> bytes:
    """A picture with a card in it."""
    found = read(card(name), stem=name).card
    assert found is not None
    return write_png(picture(shade), found)


def picture(shade: int = 0) -> bytes:
    """A picture without a card."""
    return png(pixels=bytes((0, shade)))


def zipped(files: Mapping[str, bytes], *, packed: bool = False) -> bytes:
    """An archive."""
    written = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(written, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return written.getvalue()
