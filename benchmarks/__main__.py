"""``python -m benchmarks``: measure, print the table, and write it to ``RESULTS.md``.

The exit code is 0 also where a goal is missed (the table says so), and 1 when
a run fails. A part that is named with ``--only`` is printed, not written.
"""

import argparse
import asyncio
import sys
import traceback
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path

from benchmarks import (
    cards,
    characters,
    coldstart,
    engine,
    front,
    identity,
    imports,
    report,
    stack,
    startup,
)
from benchmarks.measure import Result

Part = Callable[[int], Coroutine[None, None, list[Result]]]

RESULTS = Path(__file__).parent / "RESULTS.md"
PARTS: Mapping[str, Part] = {
    "engine": engine.results,
    "stack": stack.results,
    "front": front.results,
    "identity": identity.results,
    "cards": cards.results,
    "characters": characters.results,
    "imports": imports.results,
    "startup": startup.results,
    "coldstart": coldstart.results,
}


def main(
    arguments: Sequence[str] | None = None,
    *,
    parts: Mapping[str, Part] = PARTS,
    results_file: Path = RESULTS,
) -> int:
    """Run the benchmarks; the exit code."""
    options = _options(arguments, parts)
    results: list[Result] = []
    for part in [options.only] if options.only else parts:
        print(f"measuring {part} ...", file=sys.stderr, flush=True)
        try:
            results += asyncio.run(parts[part](options.repeat))
        except Exception:  # noqa: BLE001 (whatever fails, the exit code must say so)
            traceback.print_exc()
            print(f"{part} failed", file=sys.stderr)
            return 1
    print(report.table(results))
    if not options.only:
        command = f"python -m benchmarks --repeat {options.repeat}"
        results_file.write_text(report.document(results, command=command, repeat=options.repeat))
        print(f"Written to {results_file}")
    return 0


def _options(arguments: Sequence[str] | None, parts: Mapping[str, Part]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", choices=parts, help="measure one part, and write nothing")
    parser.add_argument("--repeat", type=_positive, default=9, help="turns of each measure")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1 is expected")
    return number


if __name__ == "__main__":
    sys.exit(main())
