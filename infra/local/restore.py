"""``python -m infra.local.restore FILE``: put a copy of the data in the place of the data."""

import os
import sys
from pathlib import Path

from chalicelib.adapters.embedded import copies
from chalicelib.adapters.embedded.database import DatabaseUnusable
from infra.local.backends import exclusive
from infra.local.settings import CannotStart


def main(arguments: list[str]) -> int:
    """Restore the store of TAVERN_DATA_DIR, while no stack runs on it; 0, or 2 with one line.

    What it replaces is kept beside it. A copy of an earlier version is migrated at
    the next start.
    """
    if len(arguments) != 1:
        print("Usage: make restore FROM=FILE (python -m infra.local.restore FILE)", file=sys.stderr)
        return 2
    source = Path(arguments[0])
    directory = Path(os.environ.get("TAVERN_DATA_DIR") or ".data").expanduser().absolute()
    if not source.is_file():
        print(f"Cannot restore: there is no {source}", file=sys.stderr)
        return 2
    os.umask(0o077)
    try:
        with exclusive(directory):
            replaced = _restore(source, directory / "tavern.db")
    except (CannotStart, DatabaseUnusable, OSError) as error:
        print(f"Cannot restore: {error}", file=sys.stderr)
        return 2
    print(f"restored {directory / 'tavern.db'} from {source}")
    if replaced is not None:
        print(f"what was there is {replaced}")
    return 0


def _restore(source: Path, store: Path) -> Path | None:
    # Into the directory first: the check is of the very bytes that will be used, and
    # what is there now is touched by nothing that can still fail for lack of room.
    arrived = store.with_name("tavern.db.arrived")
    copies.copy(source, arrived)
    replaced = copies.set_aside(store)
    arrived.rename(store)
    return replaced


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
