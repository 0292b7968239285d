"""Answers that a browser keeps as files."""

from urllib.parse import quote


def attachment(name: str) -> str:
    """A file's name as a header (RFC 6266): for old clients without what they cannot read.

    >>> attachment('夜 "1".json')
    'attachment; filename="_ _1_.json"; filename*=UTF-8\\'\\'%E5%A4%9C%20%221%22.json'
    """
    plain = "".join(mark if mark.isascii() and mark not in '"\\%' else "_" for mark in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
