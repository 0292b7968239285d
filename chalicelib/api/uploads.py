"""Files that come with a request, as a field of a form (RFC 7578)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.api.http import Call
from chalicelib.errors import InvalidInput, TooLarge, UnsupportedMediaType

if TYPE_CHECKING:
    from multipart import MultipartError, PushMultipartParser

FORM = "multipart/form-data"

_MAX_OTHER_FIELDS = 29
_MAX_OTHER_BYTES = 64 * 1024
"""What the form may have beside the files: other fields, boundaries, names."""


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """A file of a form. Its declared type is not here: nobody may rely on it.

    ``name`` is what the client calls it, without folders and control characters; None
    where nothing is left of it.
    """

    name: str | None
    data: bytes


def file_of(call: Call, field: str, *, max_bytes: int, instead: str | None = None) -> UploadedFile:
    """The one file of a form's field, which is not empty.

    ``instead`` says in the error where files go that are too large for a request.
    ``UnsupportedMediaType`` for a body that is no form, ``InvalidInput`` for a form that
    cannot be read or has not just one such file, ``TooLarge``.
    """
    return files_of(call, field, max_bytes=max_bytes, most=1, instead=instead)[0]


def files_of(
    call: Call, field: str, *, max_bytes: int, most: int, instead: str | None = None
) -> list[UploadedFile]:
    """The files of a form's field in their order, one to ``most``, of which none is empty.

    ``max_bytes`` and ``instead`` are of each file. Errors are those of ``file_of``;
    one file that is wrong refuses them all.
    """
    from multipart import MultipartError  # no other route needs it

    body = call.body
    parser = _parser(call.headers.get("content-type", ""), most)
    if len(body) > most * max_bytes + _MAX_OTHER_BYTES:
        raise _too_large(field, max_bytes, instead)
    try:
        found = _files(parser, body, field)
    except MultipartError as error:
        raise InvalidInput(f"The form cannot be read: {_trouble(error, parser, body)}") from error
    if not found:
        raise InvalidInput.field(field, f"a file is expected, in a form ({FORM})")
    if len(found) > most:
        message = "two files" if most == 1 else f"{len(found)} files, of which {most} are taken"
        raise InvalidInput.field(field, message)
    for file in found:
        if not file.data:
            raise InvalidInput.field(field, "the file is empty")
        if len(file.data) > max_bytes:
            raise _too_large(field, max_bytes, instead)
    return found


def _parser(content_type: str, most: int) -> "PushMultipartParser":
    from multipart import MultipartError, PushMultipartParser, parse_options_header

    kind, options = parse_options_header(content_type)
    if kind != FORM:
        raise UnsupportedMediaType(f"A body of {FORM} is expected")
    try:
        return PushMultipartParser(
            options.get("boundary", ""), max_segment_count=most + _MAX_OTHER_FIELDS, strict=True
        )
    except MultipartError as error:
        raise InvalidInput("The form cannot be read: its boundary is missing") from error


def _files(parser: "PushMultipartParser", body: bytes, field: str) -> list[UploadedFile]:
    """All values of the field. An event is the head of a field, a piece of it, or None, its end."""
    found: list[UploadedFile] = []
    name: str | None = None
    wanted = False
    pieces: list[bytes] = []
    if not body:
        return found
    with parser:
        for event in parser.parse(body):
            if event is None:
                if wanted:
                    found.append(UploadedFile(_safe(name), b"".join(pieces)))
                pieces.clear()
            elif isinstance(event, (bytes, bytearray)):
                if wanted:
                    pieces.append(bytes(event))
            else:
                wanted, name = event.name == field, event.filename
    return found


def _trouble(error: "MultipartError", parser: "PushMultipartParser", body: bytes) -> str:
    """What is wrong with a form; the parser's own words are for who wrote it."""
    from multipart import ParserLimitReached

    if isinstance(error.__context__, UnicodeDecodeError):
        return "the name of a field or a file is not UTF-8"
    if isinstance(error, ParserLimitReached):
        return "it has too many fields, or one whose head is too long"
    if b"--" + parser.boundary + b"--" not in body:
        return "it ends before its last boundary, or has another than its Content-Type names"
    return "each field is expected after its boundary, with a Content-Disposition that names it"


def _safe(name: str | None) -> str | None:
    """The last part of a file's name, as a text that can go anywhere."""
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    return "".join(mark for mark in last if mark.isprintable()).strip() or None


def _too_large(field: str, max_bytes: int, instead: str | None) -> TooLarge:
    message = f"A file may have at most {max_bytes} bytes"
    if instead is not None:
        message += f"; what is too large for a request goes to {instead}"
    return TooLarge(f"{field}: {message}", {field: [message]})
