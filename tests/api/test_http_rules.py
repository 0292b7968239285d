"""What holds for every route: methods, forms of a path, errors, ids, CORS, identity, bodies."""

import json
import logging
import re

import pytest
from chalice.app import Chalice

import app
from chalicelib.api.groups import Group
from chalicelib.api.http import Call, Reply
from infra.local.gateway import Gateway, Request
from tests.api.bodies import RUN
from tests.api.hostile import assert_error
from tests.api.product import ORIGIN, Tavern
from tests.api.routes import filled, is_flagged

METHODS = ("PATCH", "POST", "DELETE", "PUT")
FOREIGN = "http://evil.example"


@pytest.mark.parametrize("path", app.routes)
def test_a_method_that_a_path_lacks_is_a_405_that_names_the_others(
    tavern: Tavern, path: str
) -> None:
    lacking = next(method for method in METHODS if method not in app.routes[path])
    answer = tavern.ask(lacking, filled(path))
    assert answer.status == 405
    assert answer.headers["allow"].split(", ") == [*app.routes[path], "OPTIONS"]
    assert_error(answer.json(), success_flag=is_flagged(path))


@pytest.mark.parametrize("path", app.routes)
def test_every_path_answers_the_preflight_of_an_allowed_page(tavern: Tavern, path: str) -> None:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "PUT"}
    answer = tavern.ask("OPTIONS", filled(path), headers=headers)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["vary"] == "Origin"
    methods = answer.headers["access-control-allow-methods"].split(", ")
    assert methods == ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
    expected = {"authorization", "content-type", "if-match", "if-none-match", "idempotency-key"}
    assert {*allowed} == expected


@pytest.mark.parametrize("path", ["/api/plugins", "/api/nothing", "/"])
def test_the_preflight_of_a_foreign_page_allows_nothing(tavern: Tavern, path: str) -> None:
    answer = tavern.ask("OPTIONS", path, headers={"Origin": FOREIGN})
    assert answer.status == 204
    assert answer.headers["vary"] == "Origin"
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("path", ["/api/plugins", "/api/nothing", "/api/prompt/unknown"])
def test_an_allowed_page_may_read_every_answer(tavern: Tavern, path: str) -> None:
    answer = tavern.ask("GET", path, headers={"Origin": ORIGIN})
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["access-control-allow-credentials"] == "true"
    exposed = answer.headers["access-control-expose-headers"].lower().split(", ")
    assert {"etag", "retry-after", "x-request-id"} < {*exposed}
    assert {"content-disposition", "content-range"} < {*exposed}
    assert answer.headers["vary"] == "Origin"


LONG = "/api/characters/" + "a" * 9_000
LARGE = bytes(10 * 1024 * 1024 + 1)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", LONG, b"", 414),
        ("GET", "/api//characters", b"", 404),
        ("POST", "/api/characters", LARGE, 413),
        ("TRACE", "/api/characters", b"", 405),
    ],
)
def test_an_allowed_page_may_read_what_the_front_says_by_itself(
    tavern: Tavern, method: str, path: str, body: bytes, status: int
) -> None:
    answer = tavern.ask(method, path, body=body, headers={"Origin": ORIGIN})
    assert answer.status == status
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert answer.headers["vary"] == "Origin"
    assert_error(answer.json(), success_flag=True)
    foreign = tavern.ask(method, path, body=body, headers={"Origin": FOREIGN})
    assert "access-control-allow-origin" not in foreign.headers
    assert foreign.headers["vary"] == "Origin"


def test_too_large_a_body_is_told_where_larger_files_go(tavern: Tavern) -> None:
    answer = tavern.ask("POST", "/api/characters/import", body=LARGE)
    assert answer.status == 413
    assert "10 MB" in answer.json()["error"]
    paths = re.findall(r"POST (/[\w/]+)", answer.json()["error"])
    assert paths == [
        "/api/characters/upload",
        "/api/characters/import/upload",
        "/api/users/me/avatar/upload",
    ]
    assert all("POST" in app.routes[path] for path in paths)


@pytest.mark.parametrize("path", app.routes)
def test_a_method_that_no_path_has_is_told_those_of_the_path(tavern: Tavern, path: str) -> None:
    for method in ("TRACE", "OPTIONS"):
        allow = tavern.ask(method, filled(path)).headers["allow"].split(", ")
        assert allow == [*app.routes[path], "OPTIONS"]
    assert tavern.ask("TRACE", filled(path)).status == 405


@pytest.mark.parametrize(("flag", "fields"), [(True, {"success", "message"}), (False, set())])
def test_what_fails_is_a_500_in_the_shape_of_its_group(
    tavern: Tavern, caplog: pytest.LogCaptureFixture, flag: bool, fields: set[str]
) -> None:
    def fail(_call: Call) -> Reply:
        raise RuntimeError("as asked")

    broken = Chalice("broken", configure_logs=False)
    group = Group("broken", success_flag=flag)
    group.get("/api/broken", access="anyone")(fail)
    group.register(broken)
    with caplog.at_level(logging.CRITICAL, "chalicelib.api"):
        answer = Gateway(broken, app.unknown_path).answer(
            Request("GET", "/api/broken", [], b"", "")
        )
    assert answer.status == 500
    assert json.loads(answer.body).keys() == {"error"} | fields
    assert_error(json.loads(answer.body), success_flag=flag)


@pytest.mark.parametrize("origin", [FOREIGN, "null", "http://localhost:5573.evil.example", "*"])
def test_a_foreign_page_may_read_no_answer(tavern: Tavern, origin: str) -> None:
    answer = tavern.ask("GET", "/api/plugins", headers={"Origin": origin})
    assert answer.status == 200
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "Origin"


def test_an_answer_to_no_page_varies_by_origin_too(tavern: Tavern) -> None:
    answer = tavern.ask("GET", "/api/plugins")
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("origin", [FOREIGN, "null", "http://["])
def test_a_foreign_page_may_write_nothing(tavern: Tavern, origin: str) -> None:
    answer = tavern.ask("POST", "/api/prompt", json=RUN, headers={"Origin": origin})
    assert answer.status == 403
    assert_error(answer.json())
    assert tavern.work() == 0


@pytest.mark.parametrize("origin", [ORIGIN, "http://localhost:3233"])
def test_an_allowed_page_and_our_own_may_write(tavern: Tavern, origin: str) -> None:
    answer = tavern.ask("POST", "/api/prompt", json=RUN, headers={"Origin": origin})
    assert answer.status == 200


def test_our_own_page_may_write_through_a_proxy(aws_tavern: Tavern) -> None:
    headers = {"Origin": "https://tavern.example", "X-Forwarded-Host": "tavern.example"}
    assert aws_tavern.ask("POST", "/api/prompt", json=RUN, headers=headers).status == 200


@pytest.mark.parametrize(
    ("page", "proto", "status"),
    [
        ("http", "https", 403),
        ("http", "HTTPS, http", 403),
        ("https", "https", 200),
        ("http", "http", 200),
        ("https", "http", 200),
        ("http", "", 200),
        ("ftp", "", 403),
    ],
)
def test_a_page_that_came_without_tls_may_not_write_to_a_server_that_has_it(
    aws_tavern: Tavern, page: str, proto: str, status: int
) -> None:
    asked = {"X-Forwarded-Host": "tavern.example", "X-Forwarded-Proto": proto}
    headers = {"Origin": f"{page}://tavern.example", **asked}
    assert aws_tavern.ask("POST", "/api/prompt", json=RUN, headers=headers).status == status
    assert aws_tavern.connect(**{name.lower(): text for name, text in headers.items()}) == status


@pytest.mark.parametrize(
    ("origin", "forwarded"),
    [
        (FOREIGN, "tavern.example"),
        ("https://tavern.example:444", "tavern.example"),
        ("https://tavern.example", "tavern.example.evil.example"),
        ("null", ""),
        ("null", "null"),
        ("http://localhost:3233", "tavern.example"),
    ],
)
def test_a_foreign_page_may_write_nothing_through_a_proxy(
    aws_tavern: Tavern, origin: str, forwarded: str
) -> None:
    headers = {"Origin": origin, "X-Forwarded-Host": forwarded}
    assert aws_tavern.ask("POST", "/api/prompt", json=RUN, headers=headers).status == 403


def test_no_page_may_send_the_header_by_which_a_proxy_names_us(tavern: Tavern) -> None:
    headers = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-forwarded-host",
    }
    answer = tavern.ask("OPTIONS", "/api/prompt", headers=headers)
    assert "x-forwarded-host" not in answer.headers["access-control-allow-headers"].lower()


@pytest.mark.parametrize(
    "path", ["/api/plugins/", "/api/auth/current/", "/api/executions/?scope=own", "/api/nodes/"]
)
def test_a_trailing_slash_changes_nothing(tavern: Tavern, path: str) -> None:
    bare = path.replace("/?", "?").rstrip("/")
    assert tavern.ask("GET", path).body == tavern.ask("GET", bare).body
    assert tavern.ask("GET", path).status == 200


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"])
@pytest.mark.parametrize("path", ["/", "/api", "/api/nothing", "/api/fam/x", "/api/llm/models"])
def test_an_unknown_path_is_a_404_as_json(tavern: Tavern, method: str, path: str) -> None:
    answer = tavern.ask(method, path)
    expected = {"error": "Not found", "success": False, "message": "Not found"}
    assert (answer.status, answer.json()) == (404, expected)
    assert answer.headers["content-type"] == "application/json"


def test_every_answer_has_its_own_request_id(tavern: Tavern) -> None:
    ids = {tavern.ask("GET", "/api/plugins").headers["x-request-id"] for _ in range(5)}
    assert len(ids) == 5


def test_answers_are_not_kept_by_caches_nor_guessed_at_by_browsers(tavern: Tavern) -> None:
    answer = tavern.ask("GET", "/api/auth/current")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", [path for path, has in app.routes.items() if "GET" in has])
@pytest.mark.parametrize("given", ["Bearer nonsense", "bearer ctsk_nonsense", "Bearer", "BEARER "])
def test_a_wrong_bearer_is_not_anonymous(tavern: Tavern, path: str, given: str) -> None:
    answer = tavern.ask("GET", filled(path), headers={"Authorization": given})
    assert answer.status == 401
    assert_error(answer.json(), success_flag=is_flagged(path))


def test_other_schemes_of_authorization_are_not_looked_at(tavern: Tavern) -> None:
    answer = tavern.ask("GET", "/api/auth/current", headers={"Authorization": "Basic YTpi"})
    assert answer.status == 200


@pytest.mark.parametrize(
    "kind",
    [
        "application/json",
        "APPLICATION/JSON; charset=UTF-8",
        "application/problem+json",
        "text/plain",
        "text/plain;charset=UTF-8",
        "",
    ],
)
def test_json_is_known_by_its_content(tavern: Tavern, kind: str) -> None:
    headers = {"Content-Type": kind} if kind else {}
    answer = tavern.ask("POST", "/api/prompt", body=b'\xef\xbb\xbf{"nodes": []}', headers=headers)
    assert answer.status == 200


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "image/png",
        "application/octet-stream",
        "application/xml",
        "jsonx",
    ],
)
def test_a_body_of_another_kind_is_a_415(tavern: Tavern, kind: str) -> None:
    headers = {"Content-Type": kind}
    answer = tavern.ask("POST", "/api/prompt", body=b'{"nodes": []}', headers=headers)
    assert answer.status == 415
    assert_error(answer.json())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"  ",
        b"{",
        b"nul",
        b'{"nodes": [NaN]}',
        b'{"nodes": [-Infinity]}',
        b'{"name": "p", "nodes": [], "metadata": {"a": 1e999}}',
        b'{"name": "p", "nodes": [], "metadata": {"a": [-1E+400]}}',
        b"\xff\xfe",
        b"'a'",
        b'{"a": 1,}',
        b"[" * 100000,
        b'{"a":' * 100000,
        b'{"a": "\\ud800"}',
        b'{"nodes": ' + b"9" * 5000 + b"}",
        b"{} {}",
    ],
)
@pytest.mark.parametrize("target", ["/api/prompt", "/api/projects"])
def test_malformed_json_is_a_400_with_a_reason(tavern: Tavern, target: str, body: bytes) -> None:
    answer = tavern.ask("POST", target, body=body, headers={"Content-Type": "application/json"})
    assert answer.status == 400
    assert_error(answer.json())


@pytest.mark.parametrize("body", [b"[]", b"[{}]", b"1", b"null", b'"text"', b"true"])
@pytest.mark.parametrize("target", ["/api/prompt", "/api/projects"])
def test_a_body_that_is_no_object_is_a_400(tavern: Tavern, target: str, body: bytes) -> None:
    answer = tavern.ask("POST", target, body=body)
    assert answer.status == 400
    assert answer.json()["details"] == {"Body": ["an object is expected"]}


def test_a_number_of_too_many_digits_is_refused_in_our_own_words(tavern: Tavern) -> None:
    answer = tavern.ask("POST", "/api/prompt", body=b'{"nodes": ' + b"9" * 5000 + b"}")
    assert answer.status == 400
    assert "sys." not in answer.json()["error"]


def test_a_large_json_body_is_refused_with_the_limit(tavern: Tavern) -> None:
    body = b'{"nodes": [], "metadata": {"a": "' + b"a" * (5 * 1024 * 1024) + b'"}}'
    answer = tavern.ask("POST", "/api/prompt", body=body)
    assert answer.status == 413
    assert str(5 * 1024 * 1024) in answer.json()["error"]


def test_path_parameters_are_decoded_once(tavern: Tavern) -> None:
    tavern.ask("POST", "/api/projects", json={"name": "50%25 über"})
    answer = tavern.ask("GET", "/api/projects/50%2525%20%C3%BCber")
    assert (answer.status, answer.json()["name"]) == (200, "50%25 über")


@pytest.mark.parametrize("segment", ["%E0%A4%A", "%FF", "%ED%A0%80"])
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/api/prompt/", "promptId"),
        ("/api/projects/", "projectId"),
        ("/api/workflows/", "workflowId"),
        ("/api/characters/image/", "imageName"),
    ],
)
def test_what_does_not_decode_is_a_400(tavern: Tavern, path: str, name: str, segment: str) -> None:
    answer = tavern.ask("GET", path + segment)
    assert answer.status == 400
    assert "UTF-8" in answer.json()["error"]
    assert answer.json()["details"].keys() == {name}


@pytest.mark.parametrize(
    "segment", ["..%2F", "%2e%2e", "%00", "a%2Fb", "%zz", "a" * 900, "%F0%9F%92%A9" * 70]
)
def test_a_hostile_name_is_of_nothing_that_is_there(aws_tavern: Tavern, segment: str) -> None:
    for path, methods in app.routes.items():
        target = re.sub(r"\{\w+\}", segment, path)
        for method in methods if target != path else ():
            answer = aws_tavern.ask(method, target, body=b'{"name": "x"}')
            assert answer.status in (400, 404), (method, target, answer)


@pytest.mark.parametrize("host", ["localhost:3233", "127.0.0.1:3233", "[::1]:3233", "a.localhost"])
def test_an_open_server_answers_to_its_own_names(tavern: Tavern, host: str) -> None:
    assert tavern.ask("GET", "/api/projects", headers={"host": host}).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example:3233", "localhost.evil.example", "", "[", "127.1.x"]
)
def test_an_open_server_does_not_answer_to_a_name_that_points_here(
    tavern: Tavern, host: str
) -> None:
    """DNS rebinding: to a browser, the page and the server are of one origin."""
    asked = {"host": host, "origin": f"http://{host}"}
    assert tavern.ask("GET", "/api/projects", headers=asked).status == 403
    assert tavern.connect(host=host) == 403


@pytest.mark.parametrize(
    ("host", "forwarded"),
    [("localhost:3233", "evil.example"), ("evil.example", "localhost"), ("localhost", "a, b")],
)
def test_behind_a_proxy_an_open_server_looks_at_both_names(
    tavern: Tavern, host: str, forwarded: str
) -> None:
    asked = {"host": host, "x-forwarded-host": forwarded}
    assert tavern.ask("GET", "/api/projects", headers=asked).status == 403


def test_an_open_server_answers_to_the_names_of_its_origins(
    tavern: Tavern, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAVERN_CORS_ORIGINS", "http://tavern.lan:3233")
    asked = {"host": "tavern.lan:3233"}
    assert tavern.ask("GET", "/api/projects", headers=asked).status == 200
