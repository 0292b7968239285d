"""HTTP through the front, on a real port."""

import hashlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.local.raw_http import RawConnection
from tests.local.stack import RunningStack, eventually, took
from tests.local.toy_app import PAGE, PNG

pytestmark = pytest.mark.stack


@pytest.fixture
def raw(toy: RunningStack) -> Iterator[RawConnection]:
    with RawConnection(toy.address) as connection:
        yield connection


@pytest.fixture
def client(toy: RunningStack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=toy.url, timeout=20) as client:
        yield client


def test_a_route_answers_with_a_request_id(client: httpx.Client) -> None:
    answer = client.get("/api/hello")
    assert (answer.status_code, answer.json()) == (200, {"hello": "world"})
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-request-id"]


def test_many_requests_go_over_one_connection(raw: RawConnection) -> None:
    assert [raw.get("/api/hello").status for _ in range(20)] == [200] * 20


def test_pipelined_requests_are_answered_in_order(raw: RawConnection) -> None:
    raw.socket.sendall(
        b"".join(b"GET /api/things/%d HTTP/1.1\r\nHost: here\r\n\r\n" % n for n in range(5))
    )
    assert [raw.reply().json()["name"] for _ in range(5)] == ["0", "1", "2", "3", "4"]


def test_requests_of_different_connections_run_at_once(client: httpx.Client) -> None:
    with ThreadPoolExecutor(8) as threads, took(at_most=4.0):
        answers = list(threads.map(client.get, ["/api/slow?seconds=1"] * 8))
    assert [answer.status_code for answer in answers] == [200] * 8


def test_each_request_sees_its_own_request(client: httpx.Client) -> None:
    def name(number: int) -> str:
        return str(client.get(f"/api/things/{number}").json()["name"])

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(name, range(100))) == [str(number) for number in range(100)]


@pytest.mark.parametrize("target", ["/", "/api/nothing", "/api/hello/more", "/API/hello", "/api/"])
def test_an_unknown_path_is_a_404_as_json(raw: RawConnection, target: str) -> None:
    reply = raw.get(target)
    assert (reply.status, reply.json()["error"]) == (404, "Not found")
    assert reply.header("x-request-id")


def test_an_unknown_path_with_strange_credentials_is_a_404(raw: RawConnection) -> None:
    request = b"GET /nothing HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer \xff\r\n\r\n"
    assert raw.ask(request).status == 404


@pytest.mark.parametrize("target", ["/api/hello/", "/api/hello/?a=1", "http://here/api/hello"])
def test_a_path_answers_in_all_its_forms(raw: RawConnection, target: str) -> None:
    assert raw.get(target).status == 200


@pytest.mark.parametrize(
    "target", ["//api/hello", "/api//hello", "/api/hello//", "//host/api/hello"]
)
def test_doubled_slashes_are_another_path(raw: RawConnection, target: str) -> None:
    assert raw.get(target).status == 404


@pytest.mark.parametrize(
    "segment", ["%E0%A4%A", "%00", "..%2F", "%2e%2e", "..", "%zz", "a;b", "a%3Bb", "@:!$&'()*+,=|^"]
)
def test_a_hostile_segment_reaches_the_route_undecoded(raw: RawConnection, segment: str) -> None:
    reply = raw.get(f"/api/things/{segment}")
    assert (reply.status, reply.json()) == (200, {"name": segment.replace(";", "%3B")})


@pytest.mark.parametrize("target", ["*", "nothing", "http://here", "/\u00e9", "/api/hello\x00"])
def test_what_is_no_path_is_refused_as_json(raw: RawConnection, target: str) -> None:
    reply = raw.get(target)
    assert 400 <= reply.status < 500
    assert reply.json()["error"]


def test_an_overlong_url_is_refused(raw: RawConnection) -> None:
    reply = raw.get("/api/things/" + "a" * 9000)
    assert reply.status == 414
    assert "8192" in reply.json()["error"]


def test_endless_headers_are_refused_while_they_come(raw: RawConnection) -> None:
    raw.socket.sendall(b"GET /api/hello HTTP/1.1\r\nX-Long: " + b"a" * 100_000)
    reply = raw.reply()
    assert reply.status == 431
    assert raw.is_closed()


def test_large_headers_within_the_bound_are_read_each_time(raw: RawConnection) -> None:
    request = b"GET /api/hello HTTP/1.1\r\nHost: here\r\nX-Long: " + b"a" * 30_000 + b"\r\n\r\n"
    assert [raw.ask(request).status for _ in range(5)] == [200] * 5


@pytest.mark.parametrize("method", ["DELETE", "PATCH", "PURGE", "PROPFIND"])
def test_a_method_that_a_path_lacks_is_a_405(raw: RawConnection, method: str) -> None:
    reply = raw.ask(f"{method} /api/hello HTTP/1.1\r\nHost: here\r\n\r\n".encode())
    assert reply.status == 405
    assert reply.header("allow")


@pytest.mark.parametrize("method", ["FOO", "get", "G\x01T"])
def test_a_method_that_nobody_has_is_a_405_as_json(raw: RawConnection, method: str) -> None:
    reply = raw.ask(f"{method} /api/hello HTTP/1.1\r\nHost: here\r\n\r\n".encode())
    assert (reply.status, reply.json()["error"]) == (405, "Method not allowed")
    assert "GET" in (reply.header("allow") or "")


def test_what_is_not_http_is_refused_as_json(raw: RawConnection) -> None:
    reply = raw.ask(b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n")
    assert reply.status == 400
    assert reply.json()["error"]


def test_head_has_the_length_and_no_body(raw: RawConnection) -> None:
    reply = raw.ask(b"HEAD /api/image HTTP/1.1\r\nHost: here\r\n\r\n", head=True)
    assert (reply.status, reply.header("content-length")) == (200, str(len(PNG)))
    assert raw.get("/api/hello").status == 200


def test_an_answer_without_body_has_no_length(raw: RawConnection) -> None:
    reply = raw.get("/api/empty")
    assert (reply.status, reply.header("content-length")) == (204, None)
    assert raw.get("/api/hello").status == 200


@pytest.mark.parametrize("accept", ["Accept: */*\r\n", "Accept: image/png\r\n", ""])
def test_bytes_arrive_as_they_are(raw: RawConnection, accept: str) -> None:
    reply = raw.ask(f"GET /api/image HTTP/1.1\r\nHost: here\r\n{accept}\r\n".encode())
    assert (reply.status, reply.header("content-type")) == (200, "image/png")
    assert reply.body == PNG


def test_a_header_with_several_values_comes_several_times(client: httpx.Client) -> None:
    answer = client.get("/api/cookies")
    assert answer.headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_a_header_value_that_http_lacks_is_mended(raw: RawConnection) -> None:
    assert raw.get("/api/cookies").header("x-one") == "\u00fc"


def test_repeated_headers_are_joined(client: httpx.Client) -> None:
    headers = [("X-A", "1"), ("X-A", "2"), ("Cookie", "a=1"), ("Cookie", "b=2")]
    seen = client.get("/api/echo", headers=headers).json()["headers"]
    assert (seen["x-a"], seen["cookie"]) == ("1, 2", "a=1; b=2")


def test_the_query_is_decoded_with_all_its_values(client: httpx.Client) -> None:
    query = client.get("/api/echo?a=1&a=2&b=%C3%A9&c=&d=%FF").json()["query"]
    assert query == {"a": ["1", "2"], "b": ["\u00e9"], "c": [""], "d": ["\ufffd"]}


def test_the_function_sees_who_asks_and_the_id_of_the_request(client: httpx.Client) -> None:
    answer = client.get("/api/echo")
    assert answer.json()["sourceIp"] == "127.0.0.1"
    assert answer.json()["requestId"] == answer.headers["x-request-id"]


@pytest.mark.parametrize("kind", ["application/json", "application/octet-stream", "text/plain"])
def test_a_body_arrives_whole(client: httpx.Client, kind: str) -> None:
    body = bytes(range(256)) * 20_000
    answer = client.post("/api/echo", content=body, headers={"Content-Type": kind}).json()
    assert (answer["length"], answer["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


def test_ten_megabytes_are_taken(client: httpx.Client) -> None:
    answer = client.post("/api/echo", content=b"a" * 10 * 1024 * 1024)
    assert answer.json()["length"] == 10 * 1024 * 1024


def test_a_body_in_chunks_arrives_whole(client: httpx.Client) -> None:
    answer = client.post("/api/echo", content=iter([b"abc"] * 1000))
    assert answer.json()["length"] == 3000


def test_a_body_that_announces_too_much_is_refused_unread(raw: RawConnection) -> None:
    head = b"POST /api/echo HTTP/1.1\r\nHost: here\r\nContent-Length: 10485761\r\n\r\n"
    with took(at_most=2.0):
        reply = raw.ask(head)
    assert reply.status == 413
    assert reply.json()["error"].startswith("Body is larger than 10 MB")
    assert reply.header("connection") == "close"


def test_a_page_may_read_why_its_body_was_refused(raw: RawConnection) -> None:
    head = f"POST /api/echo HTTP/1.1\r\nHost: here\r\nOrigin: {PAGE}\r\n"
    reply = raw.ask(f"{head}Content-Length: 10485761\r\n\r\n".encode())
    assert reply.status == 413
    assert reply.header("access-control-allow-origin") == PAGE
    assert reply.header("vary") == "Origin"
    assert reply.json()["message"] == reply.json()["error"]
    assert reply.json()["success"] is False


def test_a_page_may_read_that_a_function_failed(client: httpx.Client) -> None:
    answer = client.get("/api/broken", headers={"Origin": PAGE})
    assert answer.status_code == 500
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert answer.json().keys() == {"error", "success", "message"}


def test_a_client_that_sends_too_much_before_it_reads_gets_the_answer(raw: RawConnection) -> None:
    size = 20 * 1024 * 1024
    raw.socket.sendall(b"POST /api/echo HTTP/1.1\r\nHost: here\r\n")
    raw.socket.sendall(b"Content-Length: %d\r\n\r\n" % size)
    raw.socket.sendall(b"a" * size)
    assert raw.reply().status == 413
    assert raw.is_closed()


def test_chunks_that_add_up_to_too_much_are_refused(raw: RawConnection) -> None:
    raw.socket.sendall(
        b"POST /api/echo HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"100000\r\n" + b"a" * 0x100000 + b"\r\n"
    for _ in range(12):
        raw.socket.sendall(chunk)
    raw.socket.sendall(b"0\r\n\r\n")
    assert raw.reply().status == 413


def test_an_offered_file_may_be_larger_than_other_bodies(client: httpx.Client) -> None:
    body = bytes(range(256)) * 60_000
    for content in (body, iter([body])):  # announced, and in chunks
        answer = client.post("/api/uploads/offered", content=content).json()
        assert (answer["length"], answer["sha256"]) == (len(body), hashlib.sha256(body).hexdigest())


@pytest.mark.parametrize(("token", "status"), [("unknown", 404), ("offered", 413)])
def test_a_large_file_that_was_not_offered_is_refused_unread(
    raw: RawConnection, token: str, status: int
) -> None:
    head = f"POST /api/uploads/{token} HTTP/1.1\r\nHost: here\r\nContent-Length: 99999999\r\n\r\n"
    with took(at_most=2.0):
        reply = raw.ask(head.encode())
    assert reply.status == status
    assert reply.header("connection") == "close"


def test_a_client_that_leaves_in_a_large_file_harms_nobody(toy: RunningStack) -> None:
    head = b"POST /api/uploads/offered HTTP/1.1\r\nHost: here\r\nContent-Length: 16000000\r\n\r\n"
    for _ in range(6):  # more than are taken at once
        with RawConnection(toy.address) as leaving:
            leaving.socket.sendall(head + bytes(2_000_000))
    answer = httpx.post(f"{toy.url}/api/uploads/offered", content=bytes(12_000_000), timeout=20)
    assert answer.json()["length"] == 12_000_000


def test_a_client_that_asks_first_is_told_to_go_on(raw: RawConnection) -> None:
    raw.socket.sendall(b"POST /api/echo HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n")
    assert raw.ask(b"Expect: 100-continue\r\n\r\n").status == 100
    assert raw.ask(b"abc").json()["length"] == 3


def test_a_client_that_leaves_in_its_body_harms_nobody(toy: RunningStack) -> None:
    with RawConnection(toy.address) as leaving:
        leaving.socket.sendall(
            b"POST /api/echo HTTP/1.1\r\nHost: here\r\nContent-Length: 100\r\n\r\nabc"
        )
    assert httpx.get(f"{toy.url}/api/hello").status_code == 200


def test_a_failure_is_a_500_without_details(client: httpx.Client, toy: RunningStack) -> None:
    answer = client.get("/api/broken")
    assert answer.status_code == 500
    assert "exception" not in answer.text
    assert client.get("/api/hello").status_code == 200


def test_options_is_answered(client: httpx.Client) -> None:
    assert client.options("/api/hello").status_code == 200


def test_sockets_are_not_for_plain_requests(client: httpx.Client) -> None:
    assert client.get("/ws").status_code == 404


def test_log_lines_are_json_and_hold_no_secrets(client: httpx.Client, toy: RunningStack) -> None:
    secrets = {"Authorization": "Bearer swordfish", "Cookie": "session=swordfish"}
    name = f"logged-{time.time_ns()}"
    client.get(f"/api/things/{name}?ticket=swordfish", headers=secrets)
    eventually(lambda: any(name in line for line in toy.log))
    line = json.loads(next(line for line in toy.log if name in line))
    assert (line["method"], line["path"], line["status"]) == ("GET", f"/api/things/{name}", 200)
    assert {"ms", "requestId"} <= line.keys()
    assert not any("swordfish" in line for line in toy.log)
