"""The machine's time."""

import time


class SystemClock:
    """A ``Clock`` that tells the machine's own time."""

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()
