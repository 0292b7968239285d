"""A user's lists in every state that a repair has to mend."""

import time

import pytest

from chalicelib import container
from chalicelib.ports import Entry, Put, Remove
from chalicelib.services.library import keys
from chalicelib.services.library.projects import Projects
from chalicelib.services.library.store import LibraryStore
from tests.clock import ManualClock
from tests.unit.library.fuses import Crashed, Death, FusedDocuments

PROJECTS = {"Lost", "Stale", "Hidden", "Blocked"}
"""What is to be listed in the end."""


def neglect(uid: str) -> None:
    """Make them, and a project whose deletion has crashed."""
    documents, index = container.documents(), container.index()
    an_hour_ago = ManualClock(time.time() - 3600)
    for name in (*PROJECTS, "Deleted"):
        container.projects().create(uid, {"name": name})
        container.workflows().create(uid, name, {"name": "One", "id": "one"})
    for entry in index.query(f"{uid}#project#Lost").entries:
        index.write(Remove(entry.partition, entry.key))
    index.write(Put(Entry(f"{uid}#project#Stale", "name/none", {"id": "none"})))
    documents.delete(f"users/{uid}/projects/Hidden/workflows/one.json")
    blocked = keys.project(uid, "Blocked").workflow("two")
    assert LibraryStore(documents, an_hour_ago).begin_purge(blocked, set())
    dying = FusedDocuments(documents, Death(1, late=False))
    with pytest.raises(Crashed):
        Projects(dying, index, an_hour_ago).delete(uid, "Deleted")
