"""The open sockets."""

from chalicelib.container.parts import clock, part
from chalicelib.container.stores import index, metrics, publisher
from chalicelib.services.connections import Connections


@part
def connections() -> Connections:
    """The open sockets."""
    return Connections(index(), publisher(), clock(), metrics())
