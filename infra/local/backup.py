"""``python -m infra.local.backup FILE``: copy the data to a new file, also while the stack runs."""

import os
import sys
from pathlib import Path

from chalicelib.adapters.embedded import copies
from chalicelib.adapters.embedded.database import DatabaseUnusable


def main(arguments: list[str]) -> int:
    """Copy the store of TAVERN_DATA_DIR; 0, or 2 with one line on stderr."""
    if len(arguments) != 1:
        print("Usage: make backup TO=FILE (python -m infra.local.backup FILE)", file=sys.stderr)
        return 2
    source = Path(os.environ.get("TAVERN_DATA_DIR") or ".data") / "tavern.db"
    target = Path(arguments[0])
    if target.exists():
        print(f"Cannot copy: {target} exists already", file=sys.stderr)
        return 2
    if not source.is_file():
        print(f"Cannot copy: there is no {source}", file=sys.stderr)
        return 2
    os.umask(0o077)  # the copy is as private as the data
    try:
        copies.copy(source, target)
    except DatabaseUnusable as error:
        print(f"Cannot copy: {error}", file=sys.stderr)
        return 2
    print(f"copied {source} to {target}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
