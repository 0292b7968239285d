"""What an import does with an archive."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.cards.archives import BrokenArchive
from chalicelib.cards.limits import MAX_FILE_BYTES
from chalicelib.errors import Conflict, InvalidInput, NotFound, TooLarge, TooManyRequests
from chalicelib.ports import Put
from chalicelib.services.characters.rows import CharacterKind
from chalicelib.services.imports.dispatch import named_in
from chalicelib.services.imports.imports import LIBRARY
from chalicelib.services.imports.jobs import KEPT_DAYS, MAX_KEPT, MAX_OPEN
from chalicelib.services.imports.plan import MAX_FILES, MAX_NAMED
from chalicelib.services.imports.report import PAGE
from chalicelib.services.library import items
from chalicelib.services.library.usage import StorageLimits
from tests.unit.imports.depot import ADA, Depot, card, picture, picture_of, zipped

FILES = {
    "SillyTavern/characters/Ada.png": picture(1),
    "SillyTavern/characters/Ada.json": card("Ada Lovelace"),
    "SillyTavern/characters/Bob.json": card("Bob"),
    "SillyTavern/chats/Bob/today.jsonl": b"{}",
    "SillyTavern/characters/broken.png": b"\x89PNG\r\n\x1a\nand no more",
    "../../etc/Eve.json": card("Eve"),
    "__MACOSX/SillyTavern/characters/._Ada.png": b"junk",
    "SillyTavern/characters/Cy.json": card("Cy", tags="one, two"),
}


@pytest.fixture
def depot() -> Iterator[Depot]:
    with closing(Database(None)) as database:
        yield Depot.on(database)


def frames(depot: Depot) -> list[dict[str, object]]:
    """What the user's socket got."""
    found = depot.sockets.frames(ADA)
    assert {each["type"] for each in found} == {"CHARACTER_IMPORT_PROGRESS"}
    return [each["payload"] for each in found]


def test_every_file_is_told_of_and_every_card_is_kept(
    depot: Depot, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")  # as deployed
    depot.connect()
    job = depot.imports.start(ADA, zipped(FILES))
    assert (job.status, job.done) == ("queued", 0)
    depot.work()
    done = depot.job(job.id)
    assert (done.status, done.total, done.done) == ("complete", 7, 7)
    assert (done.created, done.merged, done.skipped, done.failed) == (3, 1, 2, 1)
    lines = depot.lines(job.id)
    told = {each["file"].rpartition("/")[2]: each for each in lines}
    assert [each["status"] for each in lines] == [
        *("created", "merged", "created", "skipped", "failed", "created", "skipped")
    ]
    assert told["Ada.json"]["id"] == told["Ada.png"]["id"]
    assert told["Bob.json"]["name"] == "Bob"
    assert told["Cy.json"]["repairs"]
    assert "error" not in told["Cy.json"]
    assert told["broken.png"]["error"]
    assert "not allowed" in told["Eve.json"]["error"]
    assert depot.listed() == [("Ada Lovelace", "Ada.png"), ("Bob", None), ("Cy", None)]
    (logged,) = (each for each in caplog.records if each.message == "An import has ended")
    assert vars(logged).items() >= {"importId": job.id, "files": 7, "failed": 1}.items()
    payload = frames(depot)[-1]
    assert payload == {
        "importId": job.id,
        "status": "complete",
        **{"total": 7, "done": 7, "created": 3, "merged": 1, "skipped": 2, "failed": 1},
    }


def test_a_library_that_comes_again_brings_what_is_new(depot: Depot) -> None:
    depot.imports.start(ADA, zipped(FILES))
    depot.work()
    before = depot.listed()
    again = {**FILES, "characters/Dan.json": card("Dan"), "characters/Bob.json": card("Bobby")}
    job = depot.imports.start(ADA, zipped(again))
    depot.work()
    done = depot.job(job.id)
    assert (done.created, done.merged, done.skipped, done.failed) == (2, 0, 6, 1)
    told = {each["file"]: each for each in depot.lines(job.id)}
    kept = told["SillyTavern/characters/Ada.png"]
    assert "already" in kept["error"]
    assert kept["id"] == told["SillyTavern/characters/Ada.json"]["id"]
    assert depot.listed() == sorted([*before, ("Bobby", None), ("Dan", None)])


def test_a_file_that_is_twice_in_an_archive_comes_once(depot: Depot) -> None:
    job = depot.imports.start(ADA, zipped({"a/Bob.json": card("Bob"), "b/Bob.json": card("Bob")}))
    depot.work()
    assert [line["status"] for line in depot.lines(job.id)] == ["created", "skipped"]
    assert depot.listed() == [("Bob", None)]


def test_what_was_edited_stays_so_and_what_was_deleted_comes_back(depot: Depot) -> None:
    files = {"Bob.json": card("Bob"), "Eve.json": card("Eve"), "Ada.png": picture(1)}
    first = depot.imports.start(ADA, zipped(files))
    depot.work()
    bob, eve, _ = (line["id"] for line in depot.lines(first.id))
    depot.characters.patch(ADA, bob, {"name": "Robert"})
    depot.characters.delete(ADA, eve)
    again = depot.imports.start(ADA, zipped(files))
    depot.work()
    assert [line["status"] for line in depot.lines(again.id)] == ["skipped", "created", "skipped"]
    assert [name for name, _ in depot.listed()] == ["Ada", "Eve", "Robert"]


def test_a_copy_is_not_what_its_file_became(depot: Depot) -> None:
    """Without the character itself its file brings it once more."""
    first = depot.imports.start(ADA, zipped({"Bob.json": card("Bob")}))
    depot.work()
    bob = depot.lines(first.id)[0]["id"]
    depot.characters.duplicate(ADA, bob)
    depot.characters.delete(ADA, bob)
    again = depot.imports.start(ADA, zipped({"Bob.json": card("Bob")}))
    depot.work()
    assert [line["status"] for line in depot.lines(again.id)] == ["created"]


def test_the_archive_goes_with_the_import(depot: Depot) -> None:
    job = depot.imports.start(ADA, zipped(FILES))
    assert [*depot.documents.keys("imports/")] == [job.key]
    depot.work()
    assert not [*depot.documents.history("imports/")]
    assert not [*depot.jobs.opened()]


def test_what_is_told_of_an_import_goes_after_a_month(depot: Depot) -> None:
    job = depot.imports.start(ADA, zipped(FILES))
    depot.work()
    depot.clock.advance(KEPT_DAYS * 24 * 3600)
    with pytest.raises(NotFound):
        depot.imports.get(ADA, job.id)
    assert depot.lines(job.id) == []
    assert len(depot.listed()) == 3


def test_a_long_report_comes_in_pages(depot: Depot) -> None:
    files = {f"{number:03}.json": b"" for number in range(PAGE + 5)}
    job = depot.imports.start(ADA, zipped(files))
    depot.work()
    first = depot.imports.report(ADA, job.id, None)
    assert first.cursor is not None
    second = depot.imports.report(ADA, job.id, first.cursor)
    assert (len(first.lines), len(second.lines), second.cursor) == (PAGE, 5, None)
    assert [each["file"] for each in (*first.lines, *second.lines)] == list(files)
    for cursor in ("", "x" * 6, "１" * 6, "0000000"):
        with pytest.raises(InvalidInput):
            depot.imports.report(ADA, job.id, cursor)


@pytest.mark.parametrize("data", [b"", b"PK", b"no archive at all", zipped(FILES)[:-30]])
def test_what_is_no_archive_is_refused_at_once(depot: Depot, data: bytes) -> None:
    with pytest.raises(BrokenArchive):
        depot.imports.start(ADA, data)
    assert depot.imports.list(ADA) == []


def test_an_upload_is_imported_once_however_often_that_is_asked(depot: Depot) -> None:
    data = zipped(FILES)
    offered = depot.imports.offer(ADA, {"size": len(data)})
    token = offered["url"].rpartition("/")[2]
    body = {"uploadId": offered["uploadId"]}
    with pytest.raises(NotFound, match="Nothing was sent"):
        depot.imports.start_from_upload(ADA, body)
    depot.send(token, data)
    with pytest.raises(NotFound):
        depot.imports.start_from_upload("eve", body)
    first = depot.imports.start_from_upload(ADA, body)
    assert not [*depot.documents.history("uploads/")]
    depot.work()
    again = depot.imports.start_from_upload(ADA, body)
    assert (again.id, again.status) == (first.id, "complete")
    assert len(depot.listed()) == 3


def test_an_upload_that_is_no_archive_is_refused_and_goes(depot: Depot) -> None:
    offered = depot.imports.offer(ADA, {"size": 10, "mediaType": "application/zip"})
    depot.send(offered["url"].rpartition("/")[2], b"no archive")
    with pytest.raises(BrokenArchive):
        depot.imports.start_from_upload(ADA, {"uploadId": offered["uploadId"]})
    assert not [*depot.documents.history("uploads/")]
    with pytest.raises(NotFound):
        depot.uploads.sent(ADA, LIBRARY, offered["uploadId"])


def test_an_import_that_is_cancelled_stops_and_keeps_what_it_brought(depot: Depot) -> None:
    depot.connect()
    files = {f"{number}.json": card(str(number)) for number in range(10)}
    job = depot.imports.start(ADA, zipped(files))
    calls = iter(range(100))

    def cancelling() -> float:
        if next(calls) == 4:
            depot.imports.cancel(ADA, job.id)
            depot.clock.advance(2)
        return 800.0

    depot.work(time_left=cancelling)
    ended = depot.job(job.id)
    kept = len(depot.listed())
    assert ended.status == "cancelled"
    assert kept == ended.created == len(depot.lines(job.id)) < 7
    assert not [*depot.documents.history("imports/")]
    assert frames(depot)[-1]["status"] == "cancelled"
    with pytest.raises(Conflict, match="has ended"):
        depot.imports.cancel(ADA, job.id)
    assert depot.work() == 0


def test_no_file_is_told_to_be_broken_because_its_archive_went_with_a_cancel(depot: Depot) -> None:
    files = {f"{number}.json": card(str(number), notes="x" * 5_000_000) for number in range(4)}
    job = depot.imports.start(ADA, zipped(files))
    calls = iter(range(100))

    def cancelling() -> float:
        if next(calls) == 1:
            depot.imports.cancel(ADA, job.id)
        return 800.0

    depot.work(time_left=cancelling)
    assert depot.job(job.id).status == "cancelled"
    assert {each["status"] for each in depot.lines(job.id)} == {"created"}
    assert depot.job(job.id).failed == 0


def test_an_import_that_waits_is_cancelled_and_never_begins(depot: Depot) -> None:
    job = depot.imports.start(ADA, zipped(FILES))
    depot.imports.cancel(ADA, job.id)
    depot.work()
    assert depot.job(job.id).status == "cancelled"
    assert depot.listed() == []


def test_a_user_has_so_many_imports_at_once_and_others_have_theirs(depot: Depot) -> None:
    archive = zipped(FILES)
    jobs = [depot.imports.start(ADA, archive) for _ in range(MAX_OPEN)]
    with pytest.raises(TooManyRequests):
        depot.imports.start(ADA, archive)
    depot.imports.start("bob", archive)
    depot.imports.cancel(ADA, jobs[2].id)
    depot.clock.advance(1)
    newest = depot.imports.start(ADA, archive)
    assert depot.imports.list(ADA)[0].id == newest.id


def test_a_user_has_so_many_imports_in_thirty_days(depot: Depot) -> None:
    archive = zipped({})
    first = depot.imports.start(ADA, archive)
    depot.work()
    for number in range(MAX_KEPT - 1):
        job = replace(depot.job(first.id), id=f"{number:022x}")
        depot.index.write(Put(job.entry()))
    with pytest.raises(TooManyRequests, match=f"{MAX_KEPT} imports in 30 days") as refused:
        depot.imports.start(ADA, archive)
    assert refused.value.retry_after > 29 * 24 * 3600
    depot.imports.start("bob", archive)


def test_when_the_quota_is_reached_the_import_ends_with_what_it_brought() -> None:
    with closing(Database(None)) as database:
        depot = Depot.on(database, StorageLimits(documents=3))
        files = {f"{number}.json": card(str(number)) for number in range(5)}
        job = depot.imports.start(ADA, zipped(files))
        depot.work()
        ended = depot.job(job.id)
        assert ended.status == "error"
        assert ended.message is not None
        assert "At most 3 documents" in ended.message
        assert (ended.created, ended.failed) == (3, 1)
        assert len(depot.listed_anew()) == 3
        assert [each["status"] for each in depot.lines(job.id)] == [*["created"] * 3, "failed"]


def test_an_archive_that_is_gone_ends_its_import(depot: Depot) -> None:
    job = depot.imports.start(ADA, zipped(FILES))
    depot.documents.purge(job.key)
    depot.work()
    ended = depot.job(job.id)
    assert (ended.status, ended.message) == (
        "error",
        "The archive is not there any more: send it again",
    )
    assert depot.imports.get(ADA, job.id).view()["message"] == ended.message


def test_an_import_of_which_there_is_nothing_to_say_has_no_message(depot: Depot) -> None:
    assert "message" not in depot.imports.start(ADA, zipped(FILES)).view()


def test_progress_is_told_now_and_then(depot: Depot) -> None:
    depot.connect()
    depot.imports.start(ADA, zipped({f"{number}.json": card(str(number)) for number in range(6)}))

    def a_quarter_of_a_second() -> float:
        depot.clock.advance(0.25)
        return 800.0

    depot.work(time_left=a_quarter_of_a_second)
    assert [each["done"] for each in frames(depot)] == [0, 2, 4, 6, 6]


def test_a_file_that_is_too_large_is_not_even_read(depot: Depot) -> None:
    size = MAX_FILE_BYTES + 1
    files = {"large.json": bytes(size), "Bob.json": card("Bob")}
    job = depot.imports.start(ADA, zipped(files, packed=True))  # who reads it finds a bomb
    depot.work()
    large, bob = depot.lines(job.id)
    assert large["error"] == f"The file has {size} bytes; at most {MAX_FILE_BYTES} are allowed"
    assert (large["status"], bob["status"]) == ("failed", "created")


def test_a_file_whose_character_only_a_newer_version_can_change_fails_and_others_come(
    depot: Depot,
) -> None:
    ada = depot.characters.receive(ADA, "Ada.json", card("Ada")).item
    key = items.key_of(CharacterKind(depot.index), ADA, ada.id)
    newer = ada.changed(ada.content, format=2)
    depot.documents.put(key, items.encoded(newer))
    job = depot.imports.start(ADA, zipped({"Ada.png": picture(1), "Bob.json": card("Bob")}))
    depot.work()
    first, second = depot.lines(job.id)
    assert (first["status"], second["status"]) == ("failed", "created")
    assert "newer" in first["error"]
    ended = depot.job(job.id)
    assert (ended.status, ended.done, ended.failed) == ("complete", 2, 1)


def test_all_imports_of_a_user_end_at_once_and_those_of_others_go_on(depot: Depot) -> None:
    waiting = [depot.imports.start(ADA, zipped(FILES)) for _ in range(2)]
    others = depot.imports.start("bob", zipped(FILES))
    depot.ending.end_all(ADA, "The account was disabled")
    for job in waiting:
        ended = depot.job(job.id)
        assert (ended.status, ended.message) == ("cancelled", "The account was disabled")
    assert [*depot.documents.keys("imports/")] == [others.key]
    depot.work()
    assert depot.listed() == []
    assert depot.jobs.get("bob", others.id).status == "complete"


def test_a_report_has_no_more_of_a_file_than_its_row_takes(depot: Depot) -> None:
    wrong = ("creator", "creator_notes", "personality", "scenario", "first_mes", "mes_example")
    also = ("system_prompt", "post_history_instructions", "character_version", "tags", "nickname")
    files = {
        f"{'x' * 400}.json": card("N" * 400, **dict.fromkeys((*wrong, *also), 1)),
        f"{'y' * 400}.json": b" " * 1_000_000,  # a bomb: the error has its name
    }
    job = depot.imports.start(ADA, zipped(files, packed=True))
    depot.work()
    line, bomb = depot.lines(job.id)
    assert line["file"] == "x" * 200
    assert line["name"] == "N" * 100
    assert len(line["repairs"]) == 10
    assert len(bomb["error"]) == 300


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "1", "{}", '{"uid": "ada"}', '{"uid": "ada", "importId": 1}']
)
def test_a_message_that_names_no_import_is_told_apart(body: str) -> None:
    with pytest.raises(InvalidInput):
        named_in(body)


def test_an_archive_of_too_much_is_refused(depot: Depot) -> None:
    files = {f"{number}.json": b"" for number in range(MAX_FILES + 1)}
    with pytest.raises(TooLarge, match=str(MAX_FILES)):
        depot.imports.start(ADA, zipped(files))


def test_other_files_are_no_hindrance_and_many_of_them_are_told_in_short(depot: Depot) -> None:
    """People pack whole folders, with thousands of chats."""
    others = {f"chats/{number}.jsonl": b"" for number in range(MAX_FILES + 50)}
    folders = {f"cards/{number}/": b"" for number in range(100)}
    files = {**others, **folders, "cards/Bob.json": card("Bob")}
    job = depot.imports.start(ADA, zipped(files))
    assert job.total == MAX_NAMED + 2
    depot.work()
    done = depot.job(job.id)
    assert (done.status, done.total, done.created) == ("complete", MAX_NAMED + 2, 1)
    lines = depot.lines(job.id)
    assert lines[-1]["file"] == f"{MAX_FILES + 50 - MAX_NAMED} more files"
    assert [each["status"] for each in lines].count("skipped") == MAX_NAMED + 1


SIBLINGS = {
    "ann/avatar.png": picture(1),
    "bob/avatar.json": card("Bob"),
    "bob/avatar.png": picture(2),
    "max/card.png": picture_of("Max", 3),
    "max/card.json": card("Max the Second"),
    "luna/card.json": card("Luna"),
    "luna/card.png": picture_of("Luna", 4),
    "kk/pic.json": card("Kate"),
    "ll/pic.png": picture_of("Lena", 5),
}


@pytest.mark.parametrize("turns", [1, len(SIBLINGS) + 1], ids=["one turn", "a turn a file"])
@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
def test_a_picture_and_a_card_are_one_in_their_folder_and_in_no_other(
    depot: Depot, turns: int, backwards: bool
) -> None:
    names = sorted(SIBLINGS, reverse=backwards)
    job = depot.imports.start(ADA, zipped({name: SIBLINGS[name] for name in names}))
    calls = count()
    depot.work(time_left=lambda: 1.0 if turns == 1 else next(calls) % 2 - 0.5)
    depot.work()
    lines = {each["file"]: each for each in depot.lines(job.id)}
    assert {each["status"] for each in lines.values()} == {"created", "merged"}
    of = {name: lines[name]["id"] for name in names}
    for folder in ("bob/avatar", "max/card", "luna/card"):
        assert of[f"{folder}.png"] == of[f"{folder}.json"]
    assert len(set(of.values())) == len(SIBLINGS) - 3
    assert [name for name, _ in depot.listed()] == [
        *("Bob", "Kate", "Lena", "Luna", "Max the Second", "avatar")
    ]


def test_a_card_whose_picture_is_broken_comes_to_what_lacks_it(depot: Depot) -> None:
    depot.imports.start(ADA, zipped({"Ada.png": picture(1)}))
    depot.work()
    files = {"x/Ada.png": b"\x89PNG\r\n\x1a\nand no more", "x/Ada.json": card("Ada")}
    job = depot.imports.start(ADA, zipped(files))
    depot.work()
    assert [each["status"] for each in depot.lines(job.id)] == ["failed", "merged"]
    assert depot.listed() == [("Ada", "Ada.png")]
