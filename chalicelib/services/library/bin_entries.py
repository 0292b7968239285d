"""One deleted thing, as the recycle bin's row holds it."""

from dataclasses import dataclass, replace
from typing import Any

from chalicelib.ports import Entry
from chalicelib.services.library import keys as library_keys
from chalicelib.services.library.keys import Place
from chalicelib.services.library.store import Stored


@dataclass(frozen=True, slots=True)
class BinEntry:
    """What was deleted: this version of the document at this place.

    ``complete`` False says that a project's deletion has not yet reached all
    that is in the project. Until then the project's object stays, so that no
    new project can have the place.
    """

    id: str
    place: Place
    name: str
    version: str
    life: str
    deleted_at: str
    complete: bool = True

    @classmethod
    def of(cls, stored: Stored, deleted_at: str) -> "BinEntry":
        """The entry for a document that is being deleted."""
        return cls(
            id=library_keys.entry_id(stored.place, stored.life, stored.version),
            place=stored.place,
            name=stored.name,
            version=stored.version,
            life=stored.life,
            deleted_at=deleted_at,
            complete=stored.place.kind == "workflow",
        )

    @classmethod
    def read(cls, uid: str, row: Entry) -> "BinEntry":
        """The entry that a row of the recycle bin holds."""
        value = row.value
        return cls(
            id=row.key,
            place=Place(uid, value["projectId"], value.get("workflowId")),
            name=value["name"],
            version=value["version"],
            life=value["life"],
            deleted_at=value["deletedAt"],
            complete=value["complete"],
        )

    def life_of(self, place: Place) -> str:
        """The life that it, or what was in it, has once it is restored."""
        return library_keys.next_life(self.id, place.workflow_id)

    def completed(self) -> "BinEntry":
        """The entry once the deletion has reached everything."""
        return replace(self, complete=True)

    def row(self) -> Entry:
        """The row that holds it."""
        value: dict[str, Any] = {
            "projectId": self.place.project_id,
            "workflowId": self.place.workflow_id,
            "name": self.name,
            "version": self.version,
            "life": self.life,
            "deletedAt": self.deleted_at,
            "complete": self.complete,
        }
        return Entry(library_keys.bin_partition(self.place.uid), self.id, value)

    def view(self) -> dict[str, Any]:
        """What the user sees of it."""
        return {
            "id": self.id,
            "kind": self.place.kind,
            "name": self.name,
            "projectId": self.place.project_id,
            "deletedAt": self.deleted_at,
        }
