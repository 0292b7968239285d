"""Imports of libraries."""

from typing import TYPE_CHECKING

from chalicelib.container.characters import character_uploads, characters
from chalicelib.container.parts import clock, part
from chalicelib.container.sockets import connections
from chalicelib.container.stores import documents, import_queue, index
from chalicelib.container.uploads import offered_uploads

if TYPE_CHECKING:
    from chalicelib.services.imports.dispatch import Dispatch
    from chalicelib.services.imports.ending import Ending
    from chalicelib.services.imports.imports import Imports
    from chalicelib.services.imports.jobs import Jobs
    from chalicelib.services.imports.worker import ImportWorker


@part
def import_jobs() -> "Jobs":
    """Imports as rows."""
    from chalicelib.services.imports.jobs import Jobs

    return Jobs(index(), clock())


@part
def import_ending() -> "Ending":
    """What ends imports, and mends those that nobody works on."""
    from chalicelib.services.imports.ending import Ending

    return Ending(
        jobs=import_jobs(),
        documents=documents(),
        dispatch=_dispatch(),
        connections=connections(),
        clock=clock(),
    )


@part
def imports() -> "Imports":
    """Imports, as the API offers them."""
    from chalicelib.services.imports.imports import Imports, Parts

    return Imports(
        Parts(
            jobs=import_jobs(),
            documents=documents(),
            index=index(),
            uploads=offered_uploads(),
            dispatch=_dispatch(),
            ending=import_ending(),
            max_request_bytes=character_uploads().max_request_bytes,
        )
    )


@part
def import_worker() -> "ImportWorker":
    """The worker's part."""
    from chalicelib.services.imports.worker import ImportWorker, Parts

    return ImportWorker(
        Parts(
            jobs=import_jobs(),
            characters=characters(),
            documents=documents(),
            index=index(),
            dispatch=_dispatch(),
            ending=import_ending(),
            clock=clock(),
        )
    )


def _dispatch() -> "Dispatch":
    from chalicelib.services.imports.dispatch import Dispatch

    return Dispatch(import_queue(), import_jobs(), clock())
