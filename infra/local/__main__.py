"""``python -m infra.local``: run the whole stack until SIGTERM or Ctrl-C.

Prints ``ready http://HOST:PORT`` once it answers. Exit code 0 after a stop, 2
with one line on stderr if it cannot start.
"""

import os
import sys

import uvloop

from infra.local import logs
from infra.local.settings import CannotStart, Settings
from infra.local.supervisor import supervise


def main() -> int:
    """Run the stack; the exit code."""
    os.umask(0o077)  # what it keeps is for its user alone
    try:
        settings = Settings.read(os.environ)
        logs.configure(settings.log_level)
        uvloop.run(supervise(settings))
    except CannotStart as error:
        print(f"Cannot start: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:  # Ctrl-C before the stack handles it
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
