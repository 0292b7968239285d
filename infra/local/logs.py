"""Log lines of the stack: those of the product, one JSON object a line on stderr."""

import logging

from chalicelib import logs


def configure(level: str) -> None:
    """Log from ``level`` on: debug, info, warning or error.

    uvicorn is kept to warnings: it logs the whole URL of a socket, which may
    hold a ticket.
    """
    logs.configure(level)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
