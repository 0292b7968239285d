"""The table, and the machine that it was measured on."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.measure import Result, Samples

_HEAD = """\
# Benchmarks

- Machine: {machine}
- Python: {python}
- Date: {date}
- Command: `{command}`

Subject and peer are measured in turn, in one run; each cell is min / median / max of {repeat}
turns (fewer where a turn takes seconds). The ratio is the median of those of neighbours. The
peer of engine and stack is `graphlib.TopologicalSorter` driven by asyncio tasks, which keeps no
log; that of the front is `chalice.test.Client` in process; that of a cold start imports `chalice`
and `boto3` and makes one client; that of cards is Pillow reading the same files; that of lists of
characters is `GET /api/plugins` with the same session, at a stack of its own for each library.
Stacks are `python -m infra.local` with two workers and
`TAVERN_LOG=warning`, used over one socket with `?frames=batch`; the client runs on the same cores.

"""
_CALLS = """
AWS calls a request may make are counted at botocore by a test:
`pytest tests/api/test_call_budgets.py`.
"""


def table(results: Sequence[Result]) -> str:
    """The results as a Markdown table."""
    lines = [
        "| Measure | Unit | Ours | Peer | Ratio | Goal | Met |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_line(result) for result in results]
    notes = [f"\n{result.name}: {result.note}." for result in results if result.note]
    return "\n".join([*lines, *notes]) + "\n"


def document(results: Sequence[Result], *, command: str, repeat: int) -> str:
    """The whole of ``RESULTS.md``."""
    head = _HEAD.format(
        machine=machine(),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        command=command,
        repeat=repeat,
    )
    return head + table(results) + _CALLS


def machine(cpu_info: Path = Path("/proc/cpuinfo")) -> str:
    """Cores, processor and system; no names of hosts."""
    cores = f"{os.cpu_count()} cores"
    return ", ".join([cores, _processor(cpu_info), f"{platform.system()} {platform.machine()}"])


def _processor(cpu_info: Path) -> str:
    try:
        lines = cpu_info.read_text().splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else "unknown processor"


def _line(result: Result) -> str:
    ratio = "" if result.ratio is None else f"{result.ratio:.2f}"
    goal = "" if result.goal is None else str(result.goal)
    met = {None: "", True: "yes", False: "**no**"}[result.met]
    cells = [result.name, result.unit, _spread(result.ours), _spread(result.peer), ratio, goal, met]
    return f"| {' | '.join(cells)} |"


def _spread(samples: Samples | None) -> str:
    if samples is None:
        return ""
    return " / ".join(_number(value) for value in (samples.least, samples.median, samples.most))


def _number(value: float) -> str:
    """Three digits that count, and no exponent."""
    if value >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
