"""Hostile input, and what every answer to it must look like."""

from collections.abc import Mapping
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.api.product import ORIGIN, Answer

# The same examples each time: a failure in CI is one that anybody can repeat.
FUZZ = settings(
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,  # what earlier examples left behind is welcome
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)

_NASTY_SEGMENTS = [
    "..%2F",
    "..%2F..%2Fetc%2Fpasswd",
    "%2e%2e",
    "..",
    ".",
    "%00",
    "a%00b",
    "%E0%A4%A",
    "%ED%A0%80",
    "%FF%FE",
    "%zz",
    "%",
    "%25",
    "%252e%252e%252f",
    "%5C..%5C",
    "%0d%0aSet-Cookie:%20a=b",
    "a;b",
    "a%3Bb",
    "a+b",
    "*",
    "{project_id}",
    "%7B%7D",
    "%F0%9F%92%A9",
    "%E2%80%AE",
    "CON",
    "__proto__",
    "a" * 300,
    "a" * 1100,
    "%F0%9F%92%A9" * 400,
    "a" * 7000,
    "a" * 9000,
    "-1",
    "null",
    "0",
    "latest",
]
SEGMENTS = st.sampled_from(_NASTY_SEGMENTS) | st.text(
    st.characters(codec="utf-8", exclude_characters="/?#", exclude_categories=["Cc"]),
    min_size=1,
    max_size=12,
)

_TEXTS = (
    st.sampled_from(["", " ", "\0", "..", "../x", "a/b", "💩", "\u202e", "\ud800", "x" * 5000])
    | st.text(max_size=8)
    | st.text("{}[]\"\\,:'%$", max_size=8)
)
_NUMBERS = (
    st.integers(-3, 3)
    | st.sampled_from([2**31, 2**53, -(2**63), 10**40, 1e308, -0.0, 0.1, 1e-320])
    | st.floats(allow_nan=False, allow_infinity=False)
)
SCALARS = st.none() | st.booleans() | _NUMBERS | _TEXTS
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXTS, inner, max_size=4),
    max_leaves=12,
)

# What is not JSON, or more of it than anybody needs.
RAW = st.sampled_from(
    [
        b"",
        b" ",
        b"{",
        b"nul",
        b"NaN",
        b'{"name": NaN}',
        b'{"name": Infinity}',
        b'{"name": 1e999, "nodes": [1e999], "version": -1e999}',
        b'{"name": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b'{"name": ' + b"[" * 70 + b"]" * 70 + b"}",
        b'"\xff\xfe"',
        b"\xff\xfe{\x00}\x00",
        b"\xef\xbb\xbf{}",
        b'{"name": "\\ud800"}',
        b'{"name": "\\u0000"}',
        b'{"name": "a", "name": "b"}',
        b'{"__proto__": {"a": 1}, "constructor": 1}',
        b"name=a&nodes=b",
        b"--x\r\nContent-Disposition: form-data; name=file\r\n\r\n\r\n--x--\r\n",
    ]
) | st.binary(max_size=40)

_HEADER_TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "content-type": st.sampled_from(
            [
                "application/json",
                "application/json; charset=utf-8",
                "Application/JSON;charset=utf-16",
                "text/plain",
                "application/vnd.api+json",
                "application/xml",
                "multipart/form-data; boundary=x",
                "application/octet-stream",
                "image/png",
                "",
                ";",
                "*/*",
            ]
        ),
        "accept": st.sampled_from(["*/*", "application/json", "image/png", "", "nonsense", "*"]),
        "origin": st.sampled_from([ORIGIN, "http://evil.example", "null", "http://[", ""]),
        "if-match": st.sampled_from(["*", '"a"', 'W/"a"', '"', "a, b", "", ","]) | _HEADER_TEXT,
        "if-none-match": st.sampled_from(["*", '"a"', "", '"', "x"]) | _HEADER_TEXT,
        "idempotency-key": st.sampled_from(["", "k", "k" * 300, "\t"]) | _HEADER_TEXT,
        "authorization": st.sampled_from(
            ["Bearer x", "bearer", "Bearer", "Basic YTpi", "", " ", "Bearer  \t", "ctsk_1"]
        ),
        "cookie": st.sampled_from(["session=x", ";;;", "=", ""]),
        "x-http-method-override": st.sampled_from(["DELETE", "GET"]),
        "x-forwarded-for": _HEADER_TEXT,
    },
)
QUERIES = st.sampled_from(
    ["", "?", "?scope=all", "?scope=own&scope=all", "?scope=%FF", "?scope[]=1", "?&&=&", "?%"]
)


def assert_well_formed(answer: Answer, *, success_flag: bool = False) -> None:
    """An answer that the contract allows, whatever the question was."""
    assert answer.status < 500, answer
    assert answer.headers["x-request-id"]
    if answer.status in (204, 304):
        assert answer.body == b""
    elif answer.status >= 400:
        assert answer.headers["content-type"].startswith("application/json")
        if answer.body:  # an answer to HEAD has none
            assert_error(answer.json(), success_flag=success_flag)
    elif answer.headers["content-type"].startswith("application/json") and answer.body:
        answer.json()


def assert_error(body: Mapping[str, Any], *, success_flag: bool = False) -> None:
    """The shape of an error: a message, perhaps details by field; no path, no trace."""
    assert isinstance(body["error"], str)
    assert body["error"].strip()
    assert len(body["error"]) < 2000
    assert body.keys() <= {"error", "details"} | ({"success", "message"} if success_flag else set())
    if success_flag:
        assert (body["success"], body["message"]) == (False, body["error"])
    for messages in body.get("details", {}).values():
        assert messages
        assert all(isinstance(message, str) for message in messages)
    assert "Traceback" not in body["error"]
    assert ".py" not in body["error"]
