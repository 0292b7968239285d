"""All that the stores hold of one user, where it is, for export and erasure."""

from collections.abc import Iterator, Sequence

from chalicelib.ports import DocumentStore, Entry, Index
from chalicelib.services import uploads
from chalicelib.services.accounts import rows
from chalicelib.services.imports import jobs, report
from chalicelib.services.library import items
from chalicelib.services.library import keys as library_keys


def prefixes(uid: str) -> Sequence[str]:
    """What the keys of all objects of a user start with."""
    return (
        library_keys.user_folder(uid),
        f"runs/{uid}/",
        uploads.folder(uid),
        jobs.folder(uid),
    )


def objects(documents: DocumentStore, uid: str) -> Iterator[str]:
    """The keys of all objects of a user, deleted ones too, each once."""
    for prefix in prefixes(uid):
        last = None
        for key, _ in documents.history(prefix):
            if key != last:
                yield key
            last = key


def runs(documents: DocumentStore, uid: str) -> Iterator[str]:
    """The prompt ids of all runs of a user that left an object, each once."""
    last = None
    for key, _ in documents.history(f"runs/{uid}/"):
        prompt_id = key.split("/")[2]
        if prompt_id != last:
            yield prompt_id
        last = prompt_id


def library(documents: DocumentStore, index: Index, uid: str) -> Iterator[Entry]:
    """All rows of what a user has in his library and its bins, of what he uses and may send.

    Those of a partition come before the rows that lead to it.
    """
    listed = index.query(library_keys.projects_partition(uid)).entries
    deleted = index.query(library_keys.bin_partition(uid)).entries
    projects = {entry.key.partition("/")[0] for entry in listed}
    projects |= {str(entry.value["projectId"]) for entry in deleted}
    for key, _ in documents.history(library_keys.projects_folder(uid)):
        place = library_keys.place_of(uid, key)
        if place is not None:
            projects.add(place.project_id)
    for project_id in sorted(projects):
        yield from index.query(library_keys.project_partition(uid, project_id)).entries
    for entry in deleted:
        yield from index.query(library_keys.entry_partition(uid, entry.key)).entries
    yield from listed
    yield from deleted
    for folder in items.FOLDERS:
        yield from index.query(items.bin_of(uid, folder)).entries
        yield from index.query(items.list_of(uid, folder)).entries
    yield from index.query(library_keys.usage_partition(uid)).entries
    yield from index.query(uploads.partition(uid)).entries
    imports = index.query(jobs.partition(uid)).entries
    for entry in imports:
        yield from index.query(report.partition(uid, entry.key)).entries
    yield from imports
    yield from jobs.opened_of(index, uid)


def account(accounts: Index, uid: str) -> Iterator[Entry]:
    """All rows of a user's account, but the profile."""
    for entry in accounts.query(rows.of_user(uid)).entries:
        if entry.key != rows.PROFILE:
            yield entry
    yield from accounts.query(rows.of_audit(uid)).entries
    yield from accounts.query(rows.of_rate(uid)).entries
    yield from accounts.query(rows.REVOCATIONS, rows.revocation(uid, "")).entries
