"""Writes ``docs/cost.md``; with a path, there instead."""

import argparse
from pathlib import Path

from infra.cost import model, report

_PAGE = Path(__file__).parents[2] / "docs/cost.md"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m infra.cost", description=__doc__)
    parser.add_argument("page", nargs="?", type=Path, default=_PAGE)
    page: Path = parser.parse_args().page
    page.write_text(report.render(model.build()))
    print(page)


if __name__ == "__main__":
    main()
