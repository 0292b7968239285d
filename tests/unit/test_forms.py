"""Files of a form: several of one field, each as strictly as one."""

import re
from typing import Any

import pytest
from chalice.app import Request

from chalicelib.api.http import Call
from chalicelib.api.uploads import UploadedFile, files_of
from chalicelib.errors import InvalidInput, TooLarge, UnsupportedMediaType
from tests.api.pictures import form, part

TEN = b"0123456789"


def call(made: dict[str, Any]) -> Call:
    """A request with a form."""
    event = {
        "multiValueQueryStringParameters": None,
        "headers": made["headers"],
        "pathParameters": {},
        "requestContext": {"httpMethod": "POST", "resourcePath": "/", "path": "/", "identity": {}},
        "body": made["body"],
        "stageVariables": {},
    }
    return Call(Request(event, None), "anyone")


def read(*parts: bytes, most: int = 3, kind: str | None = None) -> list[UploadedFile]:
    """The files of the field ``files``, of at most ten bytes."""
    made = call(form(*parts, content_type=kind))
    return files_of(made, "files", max_bytes=10, most=most, instead="POST /there")


def test_several_files_come_in_their_order_with_their_names() -> None:
    found = read(
        part("files", b"one", filename="c:\\a/one.png"),
        part("comment", b"between", filename=None),
        part("files", TEN, filename=None),
        part("files", b"one", filename="a\u202e.png"),
    )
    assert found == [
        UploadedFile("one.png", b"one"),
        UploadedFile(None, TEN),
        UploadedFile("a.png", b"one"),
    ]


def test_one_file_more_than_are_taken_refuses_them_all() -> None:
    parts = [part("files", b"1")] * 3
    assert len(read(*parts)) == 3
    with pytest.raises(InvalidInput, match="files: 4 files, of which 3 are taken"):
        read(*parts, part("files", b"1"))


@pytest.mark.parametrize(
    ("wrong", "refusal"),
    [
        (part("files", b""), InvalidInput),
        (part("files", TEN + b"0"), TooLarge),
        (part("files", bytes(100_000)), TooLarge),
    ],
)
def test_one_wrong_file_refuses_them_all(wrong: bytes, refusal: type[Exception]) -> None:
    for parts in ([wrong, part("files", b"1")], [part("files", b"1"), wrong]):
        with pytest.raises(refusal, match="files"):
            read(*parts)


def test_a_form_without_the_field_or_of_too_many_fields_is_refused() -> None:
    others = [part("other", b"1", filename=None)]
    with pytest.raises(InvalidInput, match="files: a file is expected"):
        read(*others)
    assert len(read(*others * 29, part("files", b"1"))) == 1
    with pytest.raises(InvalidInput, match="cannot be read"):
        read(*others * 32, part("files", b"1"))


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (form(part("files", b"1", filename="é").decode().encode("latin-1")), "file is not UTF-8"),
        (form(*[part("files", b"1")] * 40), "too many fields"),
        (form(part("files", b"1", more=f"; x={'x' * 5_000}")), "head is too long"),
        (form(part("files", b"1"), close=False), "ends before its last boundary"),
        (form(b"Content-Type: image/png\r\n\r\n1"), "a Content-Disposition that names it"),
        (form(b"no head\r\n\r\n1"), "a Content-Disposition that names it"),
    ],
)
def test_what_is_wrong_with_a_form_is_told_in_our_own_words(
    sent: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InvalidInput, match=f"^The form cannot be read: .*{reason}") as refused:
        files_of(call(sent), "files", max_bytes=10, most=3)
    assert not re.search(r"[()_'\"]|[Ss]egment|stream|parser", refused.value.message)


def test_an_empty_body_is_a_form_without_the_file() -> None:
    with pytest.raises(InvalidInput, match="files: a file is expected, in a form"):
        files_of(call({**form(), "body": b""}), "files", max_bytes=10, most=3)


def test_what_is_no_form_is_refused() -> None:
    with pytest.raises(UnsupportedMediaType):
        read(part("files", b"1"), kind="application/zip")


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary="])
def test_a_form_without_a_boundary_cannot_be_read(kind: str) -> None:
    with pytest.raises(InvalidInput, match="boundary is missing"):
        read(part("files", b"1"), kind=kind)
