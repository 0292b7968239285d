"""Group 1: who is signed in, and how to sign in and out."""

from typing import TYPE_CHECKING, Any

from chalicelib import container
from chalicelib.api.groups import Group
from chalicelib.api.http import Call, Reply
from chalicelib.services.accounts.attempts import Client
from chalicelib.services.accounts.sessions import LIFETIME_SECONDS

if TYPE_CHECKING:
    from chalicelib.services.accounts.sign_in import SignedIn

group = Group(__name__)


@group.get("/api/auth/current", access="anyone")
def current(call: Call) -> Reply:
    """The UserContext that decides what the client shows; a cookie whose session is over goes."""
    caller = container.callers().find(call.headers)
    cookies = container.callers().cookies
    stale = caller is None and cookies.session(call.headers) is not None
    headers = {"Set-Cookie": cookies.dropped(call.headers)} if stale else {}
    return Reply(container.callers().context(caller), headers=headers)


@group.post("/api/auth/login", access="anyone")
def login(call: Call) -> Reply:
    """Open a session."""
    return _signed_in(call, container.sign_in().login(call.json(), _client(call)), 200)


@group.post("/api/auth/register", access="anyone")
def register(call: Call) -> Reply:
    """Make an account, and open its first session."""
    return _signed_in(call, container.sign_in().register(call.json(), _client(call)), 201)


@group.post("/api/auth/logout", access="session")
def logout(call: Call) -> Reply:
    """End the session that the request is made with."""
    if call.caller.identity is not None:
        container.sessions().end(call.uid, call.caller.identity)
        container.revocations().carry_out(call.uid)
    return Reply(None, 204, {"Set-Cookie": container.callers().cookies.dropped(call.headers)})


@group.put("/api/auth/password", access="session")
def change_password(call: Call) -> Reply:
    """Another password; it ends all other sessions."""
    container.sign_in().change_password(call.caller, call.json(), _client(call))
    container.revocations().carry_out(call.uid)
    return Reply(None, 204)


@group.get("/api/auth/sessions", access="session")
def sessions(call: Call) -> Reply:
    """The caller's sessions."""
    return Reply(container.sessions().list(call.uid, call.caller.identity))


@group.delete("/api/auth/sessions/{session_id}", access="session")
def end_session(call: Call, session_id: str) -> Reply:
    """End one of the caller's sessions."""
    container.sessions().end(call.uid, session_id)
    container.revocations().carry_out(call.uid)
    return Reply(None, 204)


@group.post("/api/auth/ws-ticket", access="identity")
def socket_ticket(call: Call) -> Reply:
    """A ticket that opens one socket, for as long as it takes to open it."""
    ticket = container.tickets().issue(call.caller)
    return Reply({"ticket": ticket.text, "expiresAt": ticket.expires_at})


def _signed_in(call: Call, signed_in: "SignedIn", status: int) -> Reply:
    body: dict[str, Any] = {
        "token": signed_in.opened.token,
        "expiresAt": signed_in.opened.expires_at,
        "currentUser": signed_in.current_user,
    }
    cookie = container.callers().cookies.kept(
        call.headers, signed_in.opened.token, LIFETIME_SECONDS
    )
    return Reply(body, status, {"Set-Cookie": cookie})


def _client(call: Call) -> Client:
    return Client(call.origin, call.headers.get("user-agent"))
