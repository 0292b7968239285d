"""Forms with many files: what all of them together may cost."""

from tests.api.characters import ALL, card, listed
from tests.api.pictures import form, part
from tests.api.product import Tavern


def test_a_form_has_at_most_twenty_files(tavern: Tavern) -> None:
    files = [part("file", card(f"Ada {n}"), filename=f"{n}.json") for n in range(21)]
    refused = tavern.ask("POST", ALL, **form(*files))
    assert (refused.status, refused.json()["details"]) == (
        400,
        {"file": ["21 files, of which 20 are taken"]},
    )
    answer = tavern.ask("POST", ALL, **form(*files[:20]))
    assert [each["success"] for each in answer.json()["results"]] == [True] * 20


def test_the_files_of_a_form_cost_together_what_one_may(tavern: Tavern) -> None:
    """Each of them alone is taken."""
    costly = b"name: Ada\ndescription: " + b"a" * 100_000
    names = ["a.yaml", "b.yaml", "c.yaml"]
    answer = tavern.ask("POST", ALL, **form(*(part("file", costly, filename=n) for n in names)))
    outcomes = [each.get("status", 201) for each in answer.json()["results"]]
    assert outcomes == [201, 201, 413]
    assert len(listed(tavern)) == 2
