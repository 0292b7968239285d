"""What Python's defaults cost a long-lived process, and their cure."""

import gc
import sys

_YOUNG_OBJECTS = 10_000
_SWITCH_SECONDS = 0.001


def keep_what_is_loaded() -> None:
    """Leave modules and what else is there at the start out of garbage collection.

    It would look at a quarter of a million objects that stay anyway, several
    times within the run of a large workflow.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS)


def switch_threads_often() -> None:
    """Let a thread that sends or commits have its turn soon beside one that computes.

    Each time it has waited for a disk or a socket it would wait 5 ms more.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
