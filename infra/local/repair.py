"""``python -m infra.local.repair``: rebuild lists of projects and workflows from the objects."""

import sys

from chalicelib import container
from chalicelib.adapters.embedded.database import DatabaseUnusable
from chalicelib.services.library.index_repair import IndexRepair
from chalicelib.settings import SettingsError


def main() -> int:
    """Repair every user's index; 0, or 2 with one line on stderr."""
    try:
        repair = IndexRepair(container.documents(), container.index(), container.clock())
        users = list(repair.users())
        for uid in users:
            repair.repair(uid)
    except (DatabaseUnusable, SettingsError) as error:
        print(f"Cannot repair: {error}", file=sys.stderr)
        return 2
    finally:
        container.close()
    print(f"repaired the lists of users: {len(users)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
