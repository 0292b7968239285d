"""Projects: metadata, ids, the list, conditions and races."""

import pytest

from chalicelib.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    PreconditionFailed,
    TavernError,
    TooLarge,
)
from chalicelib.services.library.if_match import IfMatch
from chalicelib.services.library.keys import project_id_of
from tests.contracts.race import race, winners
from tests.unit.library.desk import ADA, BOB, Desk

HOSTILE = [
    "",
    ".",
    "..",
    "../secret",
    "a/b",
    "a\\b",
    "a\0b",
    "\ud800",
    "x" * 300,
    "夜" * 300,
    "con",
    "trailing.",
    "trailing ",
    "a\nb",
]


def test_a_new_project_has_all_its_metadata(desk: Desk) -> None:
    created = desk.projects.create(ADA, {"name": "  Novel ", "description": "A draft"})
    assert created.value == {
        "id": "Novel",
        "name": "Novel",
        "description": "A draft",
        "version": "1.0.0",
        "createdAt": "2027-01-15T08:00:00.000Z",
        "updatedAt": "2027-01-15T08:00:00.000Z",
        "preferredView": "editor",
        "schemaVersion": "1.0.0",
        "enableChatPage": True,
    }


def test_a_project_is_read_as_it_was_created(desk: Desk) -> None:
    created = desk.projects.create(ADA, {"name": "Novel"})
    assert desk.projects.get(ADA, "Novel") == created


def test_projects_are_listed_by_id(desk: Desk) -> None:
    desk.project("b")
    desk.project("夜")
    desk.project("a")
    assert desk.project_ids() == ["a", "b", "夜"]


def test_the_list_shows_the_metadata(desk: Desk) -> None:
    created = desk.projects.create(ADA, {"name": "Novel", "customMetadata": {"mood": None}})
    assert desk.projects.list(ADA) == [created.value]


@pytest.mark.parametrize(
    ("name", "project_id"),
    [
        ("夜の物語 📚", "夜の物語 📚"),
        ('a/b\\c:d*e?f"g<h>i|j', "a_b_c_d_e_f_g_h_i_j"),
        ("tab\tand\x7f", "tab_and_"),
        ("../../etc", ".._.._etc"),
        ("...a", "...a"),
        ("The end..", "The end__"),
        ("CON", "_CON"),
        ("aux.txt", "_aux.txt"),
        ("console", "console"),
        ("a#b%20c", "a#b%20c"),
        ("x" * 200, "x" * 200),
    ],
)
def test_the_id_is_the_name_made_safe(desk: Desk, name: str, project_id: str) -> None:
    assert desk.projects.create(ADA, {"name": name}).value["id"] == project_id
    assert desk.projects.get(ADA, project_id).value["name"] == name


def test_making_an_id_safe_again_changes_nothing() -> None:
    for name in ("nul", "a. .", "_CON", "夜/1", 'q"'):
        assert project_id_of(project_id_of(name)) == project_id_of(name)


@pytest.mark.parametrize("name", ["", "   ", ".", "...", " .. ", 5, None, "x" * 201, ["a"]])
def test_a_name_that_is_none_is_refused(desk: Desk, name: object) -> None:
    with pytest.raises(InvalidInput) as refusal:
        desk.projects.create(ADA, {"name": name})
    assert list(refusal.value.details) == ["name"]
    assert desk.projects.list(ADA) == []


@pytest.mark.parametrize("draft", [None, [], "x", 5, {}])
def test_a_draft_that_is_none_is_refused(desk: Desk, draft: object) -> None:
    with pytest.raises(InvalidInput):
        desk.projects.create(ADA, draft)


def test_half_a_surrogate_pair_is_refused(desk: Desk) -> None:
    with pytest.raises(InvalidInput):
        desk.projects.create(ADA, {"name": "a", "description": "\ud800"})


def test_names_that_give_the_same_id_collide(desk: Desk) -> None:
    desk.project("a/b")
    with pytest.raises(Conflict):
        desk.projects.create(ADA, {"name": "a:b"})


def test_users_do_not_see_each_others_projects(desk: Desk) -> None:
    desk.project("Novel", ADA)
    desk.project("Novel", BOB)
    desk.projects.delete(BOB, "Novel")
    assert desk.project_ids(ADA) == ["Novel"]
    assert desk.project_ids(BOB) == []


@pytest.mark.parametrize("project_id", HOSTILE)
def test_hostile_ids_are_not_found(desk: Desk, project_id: str) -> None:
    desk.project("secret")
    for act in (
        lambda: desk.projects.get(ADA, project_id),
        lambda: desk.projects.update(ADA, project_id, {"name": "x"}),
        lambda: desk.projects.delete(ADA, project_id),
        lambda: desk.workflows.list(ADA, project_id),
        lambda: desk.workflows.create(ADA, project_id, {"name": "x"}),
        lambda: desk.workflows.get(ADA, project_id, "x"),
    ):
        with pytest.raises(NotFound):
            act()
    assert list(desk.documents.keys("")) == ["users/ada/projects/secret/project.json"]


def test_an_update_changes_what_it_names_and_the_time(desk: Desk) -> None:
    before = desk.projects.create(ADA, {"name": "Novel", "description": "A draft"})
    desk.clock.advance(1.5)
    after = desk.projects.update(
        ADA,
        "Novel",
        {
            "name": "Novella",
            "id": "x",
            "createdAt": "x",
            "updatedAt": "x",
            "preferredView": "custom",
            "surprise": 1,
        },
    )
    assert after.value == {
        **before.value,
        "name": "Novella",
        "preferredView": "custom",
        "updatedAt": "2027-01-15T08:00:01.500Z",
    }
    assert after.etag != before.etag
    assert desk.projects.get(ADA, "Novel") == after
    assert desk.projects.list(ADA) == [after.value]


def test_null_takes_a_field_away(desk: Desk) -> None:
    desk.projects.create(ADA, {"name": "Novel", "description": "x", "enableChatPage": False})
    after = desk.projects.update(ADA, "Novel", {"description": None, "enableChatPage": None})
    assert "description" not in after.value
    assert after.value["enableChatPage"] is True


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", None),
        ("description", 5),
        ("preferredView", "list"),
        ("enableChatPage", "yes"),
        ("panels", "x"),
        ("customMetadata", []),
        ("version", 1),
    ],
)
def test_a_field_of_a_wrong_type_is_refused(desk: Desk, field: str, value: object) -> None:
    desk.project()
    before = desk.projects.get(ADA, "Novel")
    with pytest.raises(InvalidInput) as refusal:
        desk.projects.update(ADA, "Novel", {field: value})
    assert list(refusal.value.details) == [field]
    assert desk.projects.get(ADA, "Novel") == before


def test_metadata_that_no_list_could_hold_is_too_large(desk: Desk) -> None:
    desk.project()
    with pytest.raises(TooLarge):
        desk.projects.update(ADA, "Novel", {"customMetadata": {"x": "y" * 300_000}})
    desk.projects.update(ADA, "Novel", {"customMetadata": {"x": "\0" * 40_000}})


def test_a_stale_etag_is_refused_and_changes_nothing(desk: Desk) -> None:
    desk.project()
    stale = desk.projects.get(ADA, "Novel")
    current = desk.projects.update(ADA, "Novel", {"description": "new"})
    with pytest.raises(PreconditionFailed):
        desk.projects.update(ADA, "Novel", {"name": "x"}, IfMatch(frozenset({stale.etag})))
    with pytest.raises(PreconditionFailed):
        desk.projects.delete(ADA, "Novel", IfMatch(frozenset({stale.etag})))
    assert desk.projects.get(ADA, "Novel") == current


def test_the_current_etag_and_any_etag_are_accepted(desk: Desk) -> None:
    desk.project()
    current = desk.projects.get(ADA, "Novel")
    desk.projects.update(ADA, "Novel", {"name": "x"}, IfMatch(frozenset({"other", current.etag})))
    desk.projects.delete(ADA, "Novel", IfMatch(None))
    assert desk.project_ids() == []


def test_of_ten_simultaneous_creates_one_wins(desk: Desk) -> None:
    outcomes = race(10, lambda number: desk.projects.create(ADA, {"name": "Novel"}))
    assert len(winners(outcomes)) == 1
    refusals = [each for each in outcomes if isinstance(each, TavernError)]
    assert all(isinstance(each, Conflict) for each in refusals)
    assert desk.project_ids() == ["Novel"]


def test_simultaneous_updates_of_different_fields_are_all_kept(desk: Desk) -> None:
    desk.project()
    fields = ["description", "templateUsed", "schemaVersion"]
    race(3, lambda number: desk.projects.update(ADA, "Novel", {fields[number]: "x"}))
    found = desk.projects.get(ADA, "Novel").value
    assert [found.get(field) for field in fields] == ["x", "x", "x"]
    assert desk.projects.list(ADA) == [found]


def test_of_simultaneous_updates_with_one_etag_one_wins(desk: Desk) -> None:
    desk.project()
    condition = IfMatch(frozenset({desk.projects.get(ADA, "Novel").etag}))
    outcomes = race(
        8,
        lambda number: desk.projects.update(ADA, "Novel", {"description": str(number)}, condition),
    )
    assert len(winners(outcomes)) == 1
    assert desk.projects.list(ADA)[0]["description"] == str(winners(outcomes)[0])
    assert all(
        isinstance(each, PreconditionFailed) for each in outcomes if isinstance(each, TavernError)
    )


def test_an_id_is_free_again_after_a_delete(desk: Desk) -> None:
    desk.workflow(desk.project(), "Chapter 1")
    desk.projects.delete(ADA, "Novel")
    desk.project()
    assert desk.names("Novel") == []
