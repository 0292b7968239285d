"""What an operator's commands work with."""

from typing import TYPE_CHECKING

from chalicelib.container.identity import (
    audit,
    credentials,
    invites,
    quotas,
    sessions,
    tokens,
    users,
)
from chalicelib.container.imports import import_ending
from chalicelib.container.parts import clock, part
from chalicelib.container.runs import dispatch, sweeper
from chalicelib.container.sockets import connections
from chalicelib.container.stores import (
    accounts,
    dead_letters,
    documents,
    index,
    queue,
    run_log,
    vault,
)
from chalicelib.container.uploads import offered_uploads

if TYPE_CHECKING:
    from chalicelib.services.operations.erasure import Erasure
    from chalicelib.services.operations.export import Export
    from chalicelib.services.operations.keys import KeyRotation
    from chalicelib.services.operations.runs import RunOperations
    from chalicelib.services.operations.users import UserOperations


@part
def run_operations() -> "RunOperations":
    """The runs of all users, for their operator."""
    from chalicelib.services.operations.runs import RunOperations

    return RunOperations(
        log=run_log(),
        queue=queue(),
        dead_letters=dead_letters(),
        dispatch=dispatch(),
        sweeper=sweeper(),
        clock=clock(),
    )


@part
def user_operations() -> "UserOperations":
    """The accounts of all users, for their operator."""
    from chalicelib.services.operations.users import UserOperations

    return UserOperations(
        accounts=accounts(),
        users=users(),
        sessions=sessions(),
        tokens=tokens(),
        invites=invites(),
        quotas=quotas(),
        log=run_log(),
        runs=run_operations(),
        uploads=offered_uploads(),
        imports=import_ending(),
        clock=clock(),
    )


@part
def export() -> "Export":
    """All data of a user, for him to have."""
    from chalicelib.services.operations.export import Export

    return Export(
        operations=user_operations(),
        accounts=accounts(),
        index=index(),
        documents=documents(),
        log=run_log(),
        audit=audit(),
    )


@part
def erasure() -> "Erasure":
    """What removes users for good."""
    from chalicelib.services.operations.erasure import Erasure

    return Erasure(
        operations=user_operations(),
        accounts=accounts(),
        index=index(),
        documents=documents(),
        log=run_log(),
        connections=connections(),
        imports=import_ending(),
        clock=clock(),
    )


@part
def key_rotation() -> "KeyRotation":
    """What turns the master key of secrets."""
    from chalicelib.services.operations.keys import KeyRotation

    return KeyRotation(vault(), users(), credentials())
