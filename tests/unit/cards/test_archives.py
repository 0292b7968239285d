"""Zips of strangers: what is read, in what order, and what is refused before memory is spent."""

import io
import random
import struct
import tracemalloc
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.cards import archives, reading
from chalicelib.cards.archives import Archive, BrokenArchive, write_archive
from chalicelib.cards.card import BrokenCard
from chalicelib.errors import InvalidInput, TooLarge, UnsupportedMediaType
from tests.unit.cards.archives import (
    END,
    HEADER,
    RECORD,
    mutated_archive,
    patched,
    picture,
    zipped,
)

MIB = 1024 * 1024


def contents(archive: Archive) -> dict[str, bytes]:
    """All files of an archive."""
    return {entry.name: entry.read() for entry in archive.files}


@dataclass
class Recorded:
    """Bytes somewhere else, and what was read of them."""

    data: bytes
    reads: list[tuple[int, int]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """How many bytes there are."""
        return len(self.data)

    def read(self, start: int, count: int) -> bytes:
        """The bytes, which must be there."""
        assert 0 <= start <= start + count <= self.size
        self.reads.append((start, count))
        return self.data[start : start + count]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("before", [b"", picture()])
def test_files_are_read_whatever_stands_before_them(method: int, before: bytes) -> None:
    files = {"b.txt": b"b" * 1000, "folder/a.bin": bytes(range(256)), "empty": b""}
    opened = Archive.open(before + zipped(files, method, comment=b"PK\x05\x06 as a comment"))
    assert contents(opened) == files
    assert [entry.name for entry in opened.files] == list(files)
    assert opened.repairs == ()


def test_a_file_costs_one_read_and_only_when_it_is_wanted() -> None:
    source = Recorded(zipped({f"{number}.bin": bytes([number]) * 50_000 for number in range(9)}))
    opened = Archive.open(source)
    assert len(source.reads) == 1
    first, *_, last = opened.files
    assert last.read() == bytes([8]) * 50_000
    assert first.read() == bytes([0]) * 50_000
    assert len(source.reads) == 3


def test_a_directory_that_is_long_costs_a_second_read() -> None:
    source = Recorded(zipped({f"{'n' * 400}/{number}": b"" for number in range(300)}))
    assert len(Archive.open(source).files) == 300
    assert len(source.reads) == 2


def test_an_import_goes_on_where_it_was_broken_off() -> None:
    data = zipped([("folder/", b""), ("../out", b"x"), ("a", b"1"), ("b", b"2"), ("c", b"3")])
    seen = list(Archive.open(data).files)[:2]
    rest = Archive.open(data).since(seen[-1].index + 1)
    assert [(entry.name, entry.read()) for entry in rest] == [("c", b"3")]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_of_one_name_the_last_counts_and_it_is_said() -> None:
    opened = Archive.open(zipped([("card.json", b"old"), ("b", b""), ("./card.json", b"new")]))
    assert contents(opened) == {"b": b"", "card.json": b"new"}
    assert [str(repair) for repair in opened.repairs] == [
        "card.json: there twice: the last one was taken"
    ]


@pytest.mark.parametrize(
    "name", ["../a", "a/../../b", "/etc/passwd", "C:/a", "..\\a", "a\nb", "n" * 600, "..", "\0"]
)
def test_a_name_that_leads_out_is_left_out(name: str) -> None:
    data = zipped([("x" * len(name.encode()), b"bad"), ("good", b"fine")])
    opened = Archive.open(data.replace(b"x" * len(name.encode()), name.encode()))
    assert contents(opened) == {"good": b"fine"}
    assert len(opened.repairs) == 1
    assert opened.repairs[0].what == "left out: a name that is not allowed"


def test_what_systems_add_is_left_out() -> None:
    names = ["__MACOSX/._a.png", "a.png", "folder/.DS_Store", "Thumbs.db"]
    opened = Archive.open(zipped(dict.fromkeys(names, b"x")))
    assert [entry.name for entry in opened.files] == ["a.png"]
    assert len(opened.repairs) == 3


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("Zoë.png".encode(), "Zoë.png"),
        ("爱丽丝.png".encode("gb18030"), "爱丽丝.png"),
        ("Zoë.png".encode("cp437"), "Zoë.png"),
        (b"folder\\ada.png", "folder/ada.png"),
    ],
)
def test_names_of_all_systems_are_read(raw: bytes, expected: str) -> None:
    data = zipped({"x" * len(raw): b"picture"}).replace(b"x" * len(raw), raw)
    assert contents(Archive.open(data)) == {expected: b"picture"}


def test_too_many_entries_are_refused() -> None:
    most = zipped({str(number): b"" for number in range(archives.MAX_ENTRIES)})
    assert len(Archive.open(most).files) == archives.MAX_ENTRIES
    with pytest.raises(TooLarge, match="2001 entries; at most 2000"):
        Archive.open(zipped({str(number): b"" for number in range(archives.MAX_ENTRIES + 1)}))


def test_a_bomb_is_refused_before_it_takes_memory() -> None:
    bomb = zipped({"card.json": bytes(8 * MIB)})
    (entry,) = Archive.open(bomb).files
    tracemalloc.start()
    with pytest.raises(TooLarge, match="200 times"):
        entry.read()
    with pytest.raises(TooLarge, match="at most 1048576"):
        Archive.open(bomb, at_most=MIB)
    with pytest.raises(TooLarge, match="8388608 bytes; at most 1000"):
        entry.read(at_most=1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MIB


def test_a_bomb_that_lies_about_its_size_takes_what_it_says() -> None:
    bomb = patched(zipped({"card.json": bytes(8 * MIB)}), RECORD, 24, "<I", 70_000)
    (entry,) = Archive.open(bomb).files
    tracemalloc.start()
    with pytest.raises(BrokenArchive, match="70000 bytes that it should"):
        entry.read()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < MIB


def test_a_small_file_may_shrink_as_much_as_it_likes() -> None:
    assert contents(Archive.open(zipped({"spaces": b" " * 60_000}))) == {"spaces": b" " * 60_000}


ONE = zipped({"a.txt": b"a" * 100})
TWO = zipped({"a.txt": bytes(range(99)), "b.txt": b"b" * 100}, zipfile.ZIP_STORED)
SECOND_HEADER = TWO.rindex(HEADER)

LIES: dict[str, tuple[bytes, str]] = {
    "cut": (ONE[:-1], "no directory at its end"),
    "only an end that is cut": (END, "no directory at its end"),
    "followed by something": (ONE + b"more", "no directory at its end"),
    "two ends": (ONE[:-2] + struct.pack("<H", 22) + ONE[-22:], "ends twice"),
    "a part of several": (patched(ONE, END, 4, "<H", 1), "one part of several"),
    "a count that is too low": (
        patched(patched(TWO, END, 8, "<H", 1), END, 10, "<H", 1),
        "more than the 1 entries",
    ),
    "a count that is too high": (
        patched(patched(ONE, END, 8, "<H", 2), END, 10, "<H", 2),
        "entry 1 of its directory is not whole",
    ),
    "a directory that is elsewhere": (patched(ONE, END, 16, "<I", 5000), "a part is missing"),
    "a directory that is too long": (patched(ONE, END, 12, "<I", 5000), "a part is missing"),
    "a directory of something else": (ONE.replace(RECORD, b"PK\x09\x09"), "broken at byte"),
    "a name that is too long": (patched(ONE, RECORD, 28, "<H", 60_000), "is not whole"),
    "an entry on another disk": (patched(ONE, RECORD, 34, "<H", 1), "is not whole"),
    "entries at one place": (patched(TWO, RECORD, 42, "<I", SECOND_HEADER), "overlaps"),
    "a header in other data": (patched(TWO, RECORD, 20, "<I", 130), "overlaps"),
    "data that reach into the next": (patched(TWO, HEADER, 28, "<H", 20), "overlaps"),
    "two sizes": (patched(TWO, RECORD, 24, "<I", 40), "two sizes"),
    "a flag for UTF-8 that is wrong": (
        patched(ONE, RECORD, 8, "<H", 0x800).replace(b"a.txt", b"\xff.txt"),
        "not UTF-8",
    ),
    "encrypted": (patched(ONE, RECORD, 8, "<H", 1), "encrypted"),
    "encrypted in the header alone": (patched(ONE, HEADER, 6, "<H", 1), "differently"),
    "another compression": (patched(ONE, RECORD, 10, "<H", 12), "compression, number 12"),
    "another compression in the header": (patched(ONE, HEADER, 8, "<H", 0), "differently"),
    "another name in the header": (ONE.replace(b"a.txt", b"b.txt", 1), "name it differently"),
    "no header": (ONE.replace(HEADER, b"PK\x09\x09"), "header is not at byte 0"),
    "a wrong checksum": (patched(ONE, RECORD, 16, "<I", 7), "checksum"),
    "a size that is too low": (patched(ONE, RECORD, 24, "<I", 99), "99 bytes that it should"),
    "a size that is too high": (patched(ONE, RECORD, 24, "<I", 101), "101 bytes that it should"),
    "a size of nothing": (patched(ONE, RECORD, 24, "<I", 0), "0 bytes that it should"),
    "data that are cut": (patched(ONE, RECORD, 20, "<I", 4), "cut short"),
    "data that are none": (
        ONE.replace(ONE[35 : ONE.index(RECORD)], b"\xff" * (ONE.index(RECORD) - 35)),
        "damaged",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_is_refused_and_named(lie: str) -> None:
    data, message = LIES[lie]
    with pytest.raises(BrokenArchive, match=message):
        contents(Archive.open(data))


def test_data_behind_the_compressed_data_are_refused() -> None:
    packed = zlib.compress(b"a" * 100)[2:-4] + b"more"
    data = zipped({"a.txt": packed}, zipfile.ZIP_STORED)
    for signature, method, size in ((HEADER, 8, 22), (RECORD, 10, 24)):
        data = patched(patched(data, signature, method, "<H", 8), signature, size, "<I", 100)
    with pytest.raises(BrokenArchive, match="something follows"):
        contents(Archive.open(data))


@pytest.mark.parametrize(
    ("offset", "layout"), [(8, "<H"), (12, "<I"), (16, "<I")], ids=["count", "size", "offset"]
)
def test_a_zip64_is_refused(offset: int, layout: str) -> None:
    value = (1 << 8 * struct.calcsize(layout)) - 1
    data = patched(ONE, END, offset, layout, value)
    if layout == "<H":
        data = patched(data, END, 10, layout, value)
    with pytest.raises(TooLarge, match="Zip64"):
        Archive.open(data)


def test_a_zip64_that_says_something_else_beside_is_refused() -> None:
    at = ONE.index(END)
    locator = b"PK\x06\x07" + bytes(16)
    with pytest.raises(TooLarge, match="Zip64"):
        Archive.open(ONE[:at] + locator + ONE[at:])
    with pytest.raises(TooLarge, match="4 GiB"):
        Archive.open(patched(ONE, RECORD, 24, "<I", 0xFFFFFFFF))


def test_a_file_that_others_cannot_spoil_is_still_read() -> None:
    opened = Archive.open(patched(TWO, RECORD, 16, "<I", 7))
    assert opened.find("b.txt") is not None
    broken, good = opened.files
    assert good.read() == b"b" * 100
    with pytest.raises(BrokenArchive, match=r"'a\.txt'"):
        broken.read()


@settings(max_examples=30, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(r"[a-zé]{1,8}(/[a-z .]{0,3}[a-z]){0,2}", fullmatch=True),
        st.one_of(st.binary(max_size=60), st.builds(bytes.__mul__, st.binary(), st.just(900))),
        max_size=6,
    )
)
def test_what_is_written_is_read_again_and_is_always_the_same(files: dict[str, bytes]) -> None:
    written = write_archive(files)
    assert contents(Archive.open(written)) == files
    assert write_archive(dict(reversed(files.items()))) == written


def test_what_would_look_like_a_bomb_is_written_so_that_it_is_read() -> None:
    files = {"card.json": b"a" * 3 * MIB, "text": b"some words " * 900}
    written = write_archive(files)
    assert contents(Archive.open(written)) == files
    assert len(written) < 3 * MIB + 1000


def test_what_packing_hardly_makes_smaller_is_stored_as_it_is() -> None:
    noise = random.Random(1).randbytes(10_000)  # noqa: S311
    with zipfile.ZipFile(
        io.BytesIO(write_archive({"noise": noise, "text": b"ab cd " * 900}))
    ) as zf:
        methods = {each.filename: each.compress_type for each in zf.infolist()}
    assert methods == {"noise": zipfile.ZIP_STORED, "text": zipfile.ZIP_DEFLATED}


@pytest.mark.parametrize("data", [zipped({}), zipped({"a/card.json": b"{}", "b": b""})])
def test_an_archive_of_something_else_is_no_card(data: bytes) -> None:
    with pytest.raises(BrokenCard, match=r"neither a card\.json"):
        archives.read(data, stem="x")


def outcome_of(data: bytes) -> str:
    """What becomes of a file; any other error than ours fails the test."""
    with suppress(InvalidInput, TooLarge):
        for entry in Archive.open(data).files:
            entry.read()
    try:
        reading.read(data, stem="x")
    except (InvalidInput, TooLarge, UnsupportedMediaType):
        return "refused"
    return "read"


def test_changed_archives_are_read_or_refused() -> None:
    outcomes = [outcome_of(mutated_archive(seed)) for seed in range(400)]
    assert {"read", "refused"} == set(outcomes)
    assert outcomes.count("read") > 20


def test_a_file_that_ends_in_the_middle_of_a_piece_is_read_to_its_end() -> None:
    start = bytes(range(256)) * 2
    for size in range(65_536, 65_800, 2):
        data = start + b"a" * (size - len(start))
        packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_FIXED)
        archive = zipped({"a": packer.compress(data) + packer.flush()}, zipfile.ZIP_STORED)
        for signature, offset, layout, value in (
            (HEADER, 8, "<H", 8),
            (RECORD, 10, "<H", 8),
            (RECORD, 16, "<I", zlib.crc32(data)),
            (RECORD, 24, "<I", size),
        ):
            archive = patched(archive, signature, offset, layout, value)
        (entry,) = Archive.open(archive).files
        assert (entry.read() == data, entry.begins(3)) == (True, data[:3])
