"""The sockets: what happens when one opens, says something, and closes.

Events have API Gateway's shapes. A handler may be called for several sockets
at once, but not for two messages of one socket.
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote

from chalicelib import container, json_text, logs
from chalicelib.errors import (
    ConditionFailed,
    InvalidInput,
    NotAllowed,
    NotFound,
    NotSignedIn,
    TavernError,
    TooLarge,
    TooManyRequests,
)
from chalicelib.nodes import ButtonClick, NodeError
from chalicelib.ports import Change, Connection
from chalicelib.services.callers import Caller, is_trusted_origin
from chalicelib.services.frames import frame
from chalicelib.services.library.if_match import IfMatch

_logger = logging.getLogger("chalicelib.realtime")
_BRACKETS = "[]"  # a frame may be sent as an array of one
_MAX_MESSAGE_BYTES = 5 * 1024 * 1024
Event = Mapping[str, Any]
Answer = dict[str, Any]


def connect(event: Event) -> Answer:
    """A socket opens: find out whose it is, refuse pages of foreign origins.

    Who is refused is told why. Browsers show that to no page, other clients to theirs.
    """
    headers = {key.lower(): str(value) for key, value in (event.get("headers") or {}).items()}
    if not is_trusted_origin(headers, container.settings().origins):
        message = "Pages of this origin may not connect here (TAVERN_CORS_ORIGINS)"
        return _refused(403, NotAllowed(message))
    parameters = event.get("queryStringParameters") or {}
    connection = _connection(event, batched=parameters.get("frames") == "batch")
    try:
        caller, changes = _identified(headers, parameters.get("ticket"))
        caller.require("read")  # every socket gets the frames of its user's runs
        container.connections().register(caller, connection, *changes)
    except NotSignedIn as error:
        return _refused(401, error)
    except ConditionFailed:  # another used the ticket meanwhile
        return _refused(401, NotSignedIn("The ticket is not valid, or no longer"))
    except NotAllowed as error:
        return _refused(403, error)
    except TooManyRequests as error:
        return _refused(429, error, {"Retry-After": str(error.retry_after)})
    return {"statusCode": 200}


def disconnect(event: Event) -> Answer:
    """A socket is gone."""
    container.connections().unregister(event["requestContext"]["connectionId"])
    return {"statusCode": 200}


def message(event: Event) -> Answer:
    """A client says something; what is wrong with it is an ``error`` frame, never the end."""
    context = event["requestContext"]
    connection_id = context["connectionId"]
    with logs.about(str(context.get("requestId") or connection_id)):
        found = container.connections().find(connection_id)
        if found is None or not container.callers().admits(found[0]):
            _logger.info("A message of an unknown socket", extra={"connection": connection_id})
            container.connections().close(_connection(event))
            return {"statusCode": 410}
        caller, connection = found
        try:
            kind, payload = _parsed(event.get("body"))
            handled = _HANDLERS[kind]
            caller.require(handled.scope)
            container.request_rate().count(caller.uid)
            replies = [
                _fitting(reply, handled, payload)
                for reply in handled.by(caller.uid, connection, payload)
            ]
        except TavernError as error:
            replies = [_error(error.message, error.details)]
        except Exception:
            _logger.exception("A message failed")
            replies = [_error("Internal error; the server's log says more", {})]
        container.connections().send(connection, replies)
    return {"statusCode": 200}


def _refused(status: int, error: TavernError, headers: Mapping[str, str] | None = None) -> Answer:
    body = {"error": error.message, **({"details": error.details} if error.details else {})}
    headers = {"Content-Type": "application/json", **(headers or {})}
    return {"statusCode": status, "headers": headers, "body": json_text.dumps(body)}


def _identified(headers: Mapping[str, str], ticket: str | None) -> tuple[Caller, Sequence[Change]]:
    """Who connects, and what is to change with that; ``NotSignedIn``.

    Who shows a ticket is whom it stands for, whatever cookie the browser adds.
    """
    if ticket is None:
        return container.callers().resolve(headers), ()
    shown = container.tickets().show(ticket)
    return shown.caller, (shown.use,)


def _connection(event: Event, *, batched: bool = False) -> Connection:
    context = event["requestContext"]
    endpoint = f"https://{context['domainName']}/{context['stage']}"
    return Connection(context["connectionId"], endpoint, batched=batched)


def _parsed(body: object) -> tuple[str, Mapping[str, Any]]:
    text = body if isinstance(body, str) else ""
    if len(text) > _MAX_MESSAGE_BYTES:
        raise TooLarge(f"A message may have at most {_MAX_MESSAGE_BYTES} characters")
    value = json_text.loads(text, finite=True)
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        raise InvalidInput("A message is an object with a type and a payload")
    kind = value["type"]
    if kind not in _HANDLERS:
        raise InvalidInput.field("type", f"one of {', '.join(_HANDLERS)}")
    payload = value.get("payload")
    if payload is None:
        payload = {}
    if not isinstance(payload, dict):
        raise InvalidInput.field("payload", "an object is expected")
    return kind, payload


def _prompt_request(uid: str, connection: Connection, payload: Mapping[str, Any]) -> list[str]:
    def accepted(prompt_id: str) -> None:
        reply = frame("PROMPT_ACCEPTED_RESPONSE", {"promptId": prompt_id})
        container.connections().send(connection, [reply])

    key = payload.get("idempotencyKey")
    if key is not None and not isinstance(key, str):
        raise InvalidInput.field("idempotencyKey", "a string is expected")
    container.executions().submit(uid, dict(payload), idempotency_key=key, accepted=accepted)
    return []


def _interrupt_request(uid: str, _connection: Connection, payload: Mapping[str, Any]) -> list[str]:
    container.executions().interrupt(uid, _text(payload, "promptId"))
    return []


def _follow_run(uid: str, connection: Connection, payload: Mapping[str, Any]) -> list[str]:
    after = payload.get("afterSequence", 0)
    if isinstance(after, bool) or not isinstance(after, int) or not 0 <= after < 2**53:
        raise InvalidInput.field("afterSequence", "a whole number from 0 is expected")
    container.executions().follow(uid, _text(payload, "promptId"), connection, after)
    return []


def _button_click(uid: str, _connection: Connection, payload: Mapping[str, Any]) -> list[str]:
    click = ButtonClick(
        node_id=_text(payload, "nodeId"),
        button=_text(payload, "buttonName"),
        owner=uid,
        workflow_id=_optional_text(payload, "workflowId"),
    )
    node_type = _optional_text(payload, "nodeType")
    if node_type and ":" not in node_type:
        node_type = f"core:{node_type}"
    handler = container.registry().button_handler(node_type) if node_type else None
    if handler is not None:
        try:
            handler(click)
        except NodeError as error:
            raise InvalidInput(str(error)) from error
    return []


def _node_definitions(_uid: str, _connection: Connection, _payload: object) -> list[str]:
    return [frame("node_definitions", {"definitions": container.registry().definitions()})]


def _list_workflows(uid: str, _connection: Connection, payload: Mapping[str, Any]) -> list[str]:
    found = container.workflows().list(uid, _text(payload, "projectId"))
    return [frame("workflow_list", {"workflows": found})]


def _load_workflow(uid: str, _connection: Connection, payload: Mapping[str, Any]) -> list[str]:
    project_id, workflow_id = _text(payload, "projectId"), _text(payload, "workflowId")
    found = container.workflows().get(uid, project_id, workflow_id)
    return [frame("workflow_loaded", {"workflow": found.value}, etag=found.etag)]


def _save_workflow(uid: str, _connection: Connection, payload: Mapping[str, Any]) -> list[str]:
    """Replace the workflow of that id, or create it where there is none.

    With ``ifMatch``, the etag that was loaded, only that version is replaced.
    """
    project_id, draft = _text(payload, "projectId"), payload.get("workflow")
    if not isinstance(draft, dict):
        raise InvalidInput.field("workflow", "an object is expected")
    etag = _optional_text(payload, "ifMatch")
    condition = None if etag is None else IfMatch(frozenset({etag}))
    workflows = container.workflows()
    workflow_id = draft.get("id")
    try:
        if not isinstance(workflow_id, str):
            raise NotFound("A workflow without an id is new")
        saved = workflows.save(uid, project_id, workflow_id, draft, if_match=condition)
    except NotFound:
        if condition is not None:
            raise
        saved = workflows.create(uid, project_id, draft)
    reply = {"id": saved.value["id"], "updatedAt": saved.value["updatedAt"]}
    return [frame("workflow_saved", reply, etag=saved.etag)]


_Handler = Callable[[str, Connection, Mapping[str, Any]], list[str]]


class _Handled(NamedTuple):
    """What answers a message, the scope that it takes, and where else the answer is to be had."""

    scope: str
    by: _Handler
    instead: str = ""


_WORKFLOWS = "/api/projects/{projectId}/workflows"
_HANDLERS: Mapping[str, _Handled] = {
    "PROMPT_REQUEST": _Handled("run", _prompt_request),
    "INTERRUPT_REQUEST": _Handled("run", _interrupt_request),
    "FOLLOW_RUN": _Handled("read", _follow_run),
    "button_click": _Handled("run", _button_click),
    "get_node_definitions": _Handled("read", _node_definitions, "/api/nodes"),
    "load_workflow": _Handled("read", _load_workflow, f"{_WORKFLOWS}/{{workflowId}}"),
    "save_workflow": _Handled("write", _save_workflow),
    "list_workflows": _Handled("read", _list_workflows, _WORKFLOWS),
}


def access() -> dict[str, str]:
    """The scope that each message takes."""
    return {kind: handled.scope for kind, handled in _HANDLERS.items()}


def _text(payload: Mapping[str, Any], key: str) -> str:
    value = payload.get(key)
    if not isinstance(value, str) or not value:
        raise InvalidInput.field(key, "a string is expected")
    return value


def _optional_text(payload: Mapping[str, Any], key: str) -> str | None:
    return None if payload.get(key) is None else _text(payload, key)


def _fitting(reply: str, handled: _Handled, payload: Mapping[str, Any]) -> str:
    """The reply; where sockets take none of its size, where to ask for it over HTTP."""
    most = container.connections().max_message_bytes
    if most is None or len(reply.encode()) + len(_BRACKETS) <= most:
        return reply
    named = {key: quote(value, safe="") for key, value in payload.items() if isinstance(value, str)}
    path = handled.instead.format_map(named)
    return _error(f"The answer is larger than a socket takes here: GET {path}", {})


def _error(text: str, details: Mapping[str, Any]) -> str:
    return frame("error", {"message": text, **({"details": details} if details else {})})
