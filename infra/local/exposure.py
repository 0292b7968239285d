"""Whom an open server lets in, and what its operator is told about that."""

from collections.abc import Mapping

from chalicelib.services.public_address import is_loopback
from chalicelib.settings import Settings, SettingsError
from infra.local.settings import CannotStart


def warnings(address: str, environment: Mapping[str, str]) -> list[str]:
    """What is to be said of a server that listens on this address; ``CannotStart``.

    An empty access password off the machine stops the start: somebody wanted a lock.
    """
    # How many workers there are is not asked here: a stack may have none, the product not.
    asked = {name: value for name, value in environment.items() if name != "TAVERN_WORKERS"}
    try:
        settings = Settings.read(asked)
    except SettingsError as error:
        raise CannotStart(str(error)) from error
    if settings.mode != "open":
        return []
    forgotten = "TAVERN_ACCESS_PASSWORD" in environment
    if is_loopback(address):
        return [_EMPTY] if forgotten else []
    if forgotten:
        raise CannotStart(
            f"TAVERN_ACCESS_PASSWORD is empty, and others can reach {address}:"
            " set a password, or unset the variable to let everybody in"
        )
    return [
        f"OPEN SERVER: whoever reaches {address} is its administrator. Set"
        " TAVERN_ACCESS_PASSWORD, or TAVERN_MODE=MultiUser, or leave TAVERN_HOST out"
    ]


_EMPTY = "TAVERN_ACCESS_PASSWORD is empty: there is no password, and this machine is let in"
