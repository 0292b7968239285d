"""A product small enough to see the stack around it: what it exports to be invoked."""

import hashlib
import json
import os
import signal
import time
from typing import Any

from chalice.app import Chalice, Response

from chalicelib.ports import Connection, Delivery
from tests.local import toy_container as container

PAGE = "http://page.example"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))

app = Chalice("toy", configure_logs=False)
app.experimental_feature_flags.update(["WEBSOCKETS"])


def unknown_path(origin: str | None, method: str) -> tuple[int, dict[str, str], str]:
    return 404, {"Content-Type": "application/json"}, '{"error": "Not found"}'


def cors_headers(origin: str | None) -> dict[str, str]:
    allowed = {"Access-Control-Allow-Origin": origin} if origin == PAGE else {}
    return {"Vary": "Origin", **allowed}


def hello() -> dict[str, str]:
    return {"hello": "world"}


def echo() -> dict[str, Any]:
    request = app.current_request
    body = request.raw_body or b""
    return {
        "method": request.method,
        "headers": dict(request.headers),
        "query": {name: request.query_params.getlist(name) for name in request.query_params or {}},
        "length": len(body),
        "sha256": hashlib.sha256(body).hexdigest(),
        "sourceIp": request.context["identity"]["sourceIp"],
        "requestId": request.context["requestId"],
    }


def upload(token: str) -> Any:
    if token != container.ToyUploads.token:
        return Response({"error": "No such upload"}, status_code=404)
    return echo()


def thing(name: str) -> dict[str, str]:
    return {"name": name}


def cookies() -> Response:
    return Response({}, headers={"Set-Cookie": ["a=1", "b=2"], "X-One": "ü\x7f"})


def image() -> Response:
    return Response(PNG, headers={"Content-Type": "image/png"})


def empty() -> Response:
    return Response("", status_code=204)


def broken() -> None:
    raise SystemExit("not even an exception")


def slow() -> dict[str, float]:
    seconds = float(app.current_request.query_params["seconds"])
    container.record(what="slow")
    time.sleep(seconds)
    return {"slept": seconds}


def submit() -> dict[str, bool]:
    container.queue().send(app.current_request.raw_body.decode(), group="someone")
    return {"queued": True}


app.route("/api/hello")(hello)
app.route("/api/echo", methods=["GET", "POST", "PUT"], content_types=["*/*"])(echo)
app.route("/api/things/{name}")(thing)
app.route("/api/uploads/{token}", methods=["POST"], content_types=["*/*"])(upload)
app.route("/api/cookies")(cookies)
app.route("/api/image", methods=["GET", "HEAD"])(image)
app.route("/api/empty", methods=["GET", "DELETE"])(empty)
app.route("/api/broken")(broken)
app.route("/api/slow")(slow)
app.route("/api/jobs", methods=["POST"], content_types=["*/*"])(submit)


def ws_connect(event: dict[str, Any], context: Any) -> dict[str, Any]:
    query = event.get("queryStringParameters") or {}
    container.record(what="connect", event=event)
    if "refuse" in query:
        headers = {"Retry-After": "30"}
        return {"statusCode": int(query["refuse"]), "headers": headers, "body": '{"error": "No"}'}
    if "fail" in query:
        raise RuntimeError("as asked")
    return {"statusCode": 200}


def ws_message(event: dict[str, Any], context: Any) -> dict[str, Any]:
    connection = Connection(event["requestContext"]["connectionId"], "")
    asked = json.loads(event["body"])
    if "sleep" in asked:
        time.sleep(asked["sleep"])
    if "fail" in asked:
        raise RuntimeError("as asked")
    if "burst" in asked:
        text = "x" * asked["size"]
        messages = [json.dumps({"number": n, "text": text}) for n in range(asked["burst"])]
        began = time.perf_counter()
        container.publisher().send(connection, messages)
        answer: dict[str, Any] = {"sentInMs": (time.perf_counter() - began) * 1000}
    elif "flood" in asked:
        answer = {"taken": _flood(connection, asked["flood"], asked["size"])}
    elif "post" in asked:
        answer = {"taken": _taken(Connection(asked["post"], ""), "hi")}
    elif "close" in asked:
        container.publisher().close(connection)
        return {"statusCode": 200}
    else:
        answer = {"echo": asked.get("echo"), "id": connection.id, "length": len(event["body"])}
    container.record(what="message", asked=list(asked), answer=answer)
    container.publisher().send(connection, [json.dumps(answer)])
    return {"statusCode": 200}


def ws_disconnect(event: dict[str, Any], context: Any) -> dict[str, Any]:
    context_of_event = event["requestContext"]
    container.record(
        what="disconnect",
        id=context_of_event["connectionId"],
        code=context_of_event["disconnectStatusCode"],
    )
    return {"statusCode": 200}


def run_execution(event: dict[str, Any], context: Any) -> None:
    record = event["Records"][0]
    job = json.loads(record["body"])
    receive_count = int(record["attributes"]["ApproximateReceiveCount"])
    container.record(what="began", job=job, receives=receive_count, at=time.time())
    if job.get("dies", 0) >= receive_count:
        os.kill(os.getpid(), signal.SIGKILL)
    if job.get("fails", 0) >= receive_count:
        raise RuntimeError("as asked")
    time.sleep(job.get("deaf", 0))
    deadline = time.monotonic() + job.get("seconds", 0)
    while time.monotonic() < deadline:
        if context.get_remaining_time_in_millis() < 60_000:
            container.queue().send(json.dumps({"id": job["id"], "handedOver": True}), group="x")
            break
        time.sleep(0.02)
    if "connection" in job:
        container.publisher().send(Connection(job["connection"], ""), [json.dumps(job)])
    container.record(what="done", job=job, receives=receive_count)


def sweep(event: dict[str, Any], context: Any) -> None:
    container.record(what="sweep", source=event["source"])


def dead_letter(event: dict[str, Any], context: Any) -> None:
    container.record(what="dead", job=json.loads(event["Records"][0]["body"]))


def import_library(event: dict[str, Any], context: Any) -> None:
    container.record(what="import", job=json.loads(event["Records"][0]["body"]))


def dead_import(event: dict[str, Any], context: Any) -> None:
    container.record(what="dead import", job=json.loads(event["Records"][0]["body"]))


def _flood(connection: Connection, most: int, size: int) -> int:
    """Send until the client is given up; how many it took."""
    text = "x" * size
    for number in range(most):
        if not _taken(connection, text):
            return number
    return most


def _taken(connection: Connection, text: str) -> bool:
    return container.publisher().send(connection, [text]) is Delivery.TAKEN
