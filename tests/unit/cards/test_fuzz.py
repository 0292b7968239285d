"""Files that are broken at random: a card, or a refusal; never anything else.

The long run is ``python -m tests.unit.cards.fuzz 20000``.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.unit.cards import fuzz

COUNT = os.environ.get("CARD_FUZZ_FILES", "400")
ROOT = Path(fuzz.__file__).parents[3]


def test_broken_files_are_read_or_refused_quickly_and_in_little_memory() -> None:
    """In a process of its own, so that its memory is that of reading cards alone."""
    command = [sys.executable, "-m", "tests.unit.cards.fuzz", COUNT]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    outcomes = json.loads(ended.stdout)["outcomes"]
    assert {*outcomes} == {"read", "repaired", "refused", "a picture alone"}
