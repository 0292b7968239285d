"""JSON that is too large for a function's answer: packed, shortened, or fetched from the store."""

import gzip
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from chalicelib import container, json_text
from chalicelib.api.http import Call, Reply
from chalicelib.services.large_answers import LargeAnswers

Body = Mapping[str, Any]
Shorter = Iterable[Callable[[], Body]]

_GZIP = re.compile(r"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q\s*=\s*([0-9.]+)\s*)?(?=,|$)", re.IGNORECASE)
_JSON = "application/json"
_NAME = "answer.json"


def fitted(
    call: Call,
    body: Body | str,
    *,
    headers: Mapping[str, str] | None = None,
    status: int = 200,
    shorter: Shorter = (),
) -> Reply:
    """The body, or as much of it as fits an answer.

    In this order: as it is, packed for who takes gzip, the same of each of ``shorter``, and
    at last a 303 to where all of it is.
    """
    answers = container.large_answers()
    reply = Reply(body, status, headers or {})
    return fit(call, reply, shorter, answers)


def fit(call: Call, reply: Reply, shorter: Shorter, answers: LargeAnswers) -> Reply:
    """``fitted`` for a reply whose body is not rendered yet."""
    most = answers.most
    if most is None:
        return reply
    text = reply.body if isinstance(reply.body, str) else json_text.dumps(reply.body)
    whole = text.encode()
    if 2 * len(whole) <= most:  # text has its quotes escaped once more
        return replace(reply, body=text)
    takes_gzip = accepts_gzip(call.headers.get("accept-encoding", ""))
    for data in _each(whole, shorter):
        if takes_gzip:
            packed = gzip.compress(data, compresslevel=5, mtime=0)
            if len(packed) <= most:
                return Reply(packed, reply.status, _packed(reply.headers), _JSON)
        elif len(data) <= most:
            return Reply(data, reply.status, reply.headers, _JSON)
    link = answers.keep(call.uid, whole, _JSON, _NAME)
    return Reply(None, 303, {"Location": str(link)})


def accepts_gzip(header: str) -> bool:
    """Does an ``Accept-Encoding`` allow it (RFC 9110, 12.5.3)?

    >>> accepts_gzip("br;q=1.0, gzip"), accepts_gzip("gzip;q=0"), accepts_gzip("")
    (True, False, False)
    """
    return any(_is_positive(found[1]) for found in _GZIP.finditer(header))


def _is_positive(quality: str | None) -> bool:
    return quality is None or bool(quality.strip("0."))


def _each(whole: bytes, shorter: Shorter) -> Iterable[bytes]:
    yield whole
    for make in shorter:
        yield json_text.dumps(make()).encode()


def _packed(headers: Mapping[str, str]) -> dict[str, str]:
    """Of another encoding the ETag is a weak one: the bytes are others (RFC 9110, 8.8.3)."""
    changed = {**headers, "Content-Encoding": "gzip", "Vary": "Origin, Accept-Encoding"}
    if "ETag" in changed:
        changed["ETag"] = f"W/{changed['ETag'].removeprefix('W/')}"
    return changed
