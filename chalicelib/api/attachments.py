"""Answers that a browser keeps as files."""

from urllib.parse import quote

from chalicelib import container
from chalicelib.api.http import Call, Reply


def file_reply(call: Call, name: str, data: bytes, media_type: str) -> Reply:
    """A file to keep, or where it is to be fetched if it is too large for an answer."""
    headers = {"Content-Disposition": attachment(name)}
    answers = container.large_answers()
    if call.is_head and answers.most is not None and len(data) > answers.most:
        return Reply(None, 200, headers, media_type)  # a link would be for GET alone
    link = answers.keep(call.uid, data, media_type, name)
    if link is not None:
        return Reply(None, 303, {"Location": link})
    return Reply(data, headers=headers, content_type=media_type)


def attachment(name: str) -> str:
    """A file's name as a header (RFC 6266): for old clients without what they cannot read.

    >>> attachment('夜 "1".json')
    'attachment; filename="_ _1_.json"; filename*=UTF-8\\'\\'%E5%A4%9C%20%221%22.json'
    """
    plain = "".join(mark if mark.isascii() and mark not in '"\\%' else "_" for mark in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
