"""docs/security.md: every claim names a test that there is."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)))
HELD = "Held by"


def claims() -> list[str]:
    """The rows of the tables that say by what each of them is held."""
    tables = re.findall(r"(?:^\|.*\|\n)+", PAGE, flags=re.MULTILINE)
    return [row for table in tables if HELD in table for row in table.splitlines()[2:]]


def test_it_makes_claims() -> None:
    assert len(claims()) > 40
    assert len(NAMED) > 50


@pytest.mark.parametrize("claim", claims())
def test_a_claim_names_what_holds_it(claim: str) -> None:
    held_by = claim.rstrip(" |").rpartition("|")[2]
    assert re.fullmatch(r" (`tests/[\w/]+\.py(::\w+)?`(, )?)+", held_by)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_a_test_that_is_named_is_there(file: str, name: str) -> None:
    wanted = rf"^def {name}\(" if name else r"^def test_"
    assert re.search(wanted, (ROOT / file).read_text("utf-8"), flags=re.MULTILINE)


def test_a_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", PAGE):
        assert (ROOT / "docs" / target).is_file(), target
