"""What operators can ask for: one table of commands, for one machine and for the cloud.

``python -m infra.admin`` calls it: here for the data on this machine, through the
function ``admin`` for a deployed stage. Who may invoke that is IAM's to say.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

from chalicelib import container
from chalicelib.errors import InvalidInput, TavernError
from chalicelib.services.accounts import audit
from chalicelib.services.operations.commands import Answer, Argument, Arguments, Command, Row

_logger = logging.getLogger("chalicelib.admin")
# A caller need not hold one connection open for long: gateways on the way drop quiet ones.
_TURN_MILLISECONDS = 60_000


def run(event: object, remaining_milliseconds: Callable[[], int]) -> dict[str, Any]:
    """Run ``{command, arguments}``; the answer's document.

    What goes wrong is told as ``{error: {kind, message, details}}``. A command that has
    more to do after a minute says with what to go on. Neither arguments nor answers are
    logged: some may be secret.
    """
    began = remaining_milliseconds()

    def has_time() -> bool:
        return began - remaining_milliseconds() < _TURN_MILLISECONDS

    try:
        command, arguments = _read(event)
        _logger.info("An operator's command", extra={"command": command.name})
        with audit.acting(audit.OPERATOR):
            return command.run(arguments, has_time).document()
    except TavernError as error:
        kind = type(error).__name__
        return {"error": {"kind": kind, "message": error.message, "details": error.details}}


def _read(event: object) -> tuple[Command, Arguments]:
    asked: Mapping[str, object] = event if isinstance(event, Mapping) else {}
    for command in COMMANDS:
        if command.name == asked.get("command"):
            return command, command.read(asked.get("arguments", {}))
    names = ", ".join(command.name for command in COMMANDS)
    raise InvalidInput.field("command", f"one of {names} is expected")


def _stats(_arguments: Arguments, _has_time: Callable[[], bool]) -> Answer:
    return container.run_operations().statistics()


def _runs(arguments: Arguments, _has_time: Callable[[], bool]) -> Answer:
    return container.run_operations().active(
        _text(arguments, "user"), _text(arguments, "status"), int(arguments["limit"])
    )


def _end(arguments: Arguments, _has_time: Callable[[], bool]) -> Answer:
    return container.run_operations().end(
        str(arguments["promptId"]), str(arguments["as"]), _text(arguments, "reason")
    )


def _requeue(arguments: Arguments, _has_time: Callable[[], bool]) -> Answer:
    return container.run_operations().requeue(str(arguments["promptId"]))


def _repair(arguments: Arguments, has_time: Callable[[], bool]) -> Answer:
    repair = container.index_repair()
    one = _text(arguments, "user")
    rows: list[Row] = []
    problems = 0
    for uid in repair.users(_text(arguments, "after")) if one is None else (one,):
        if rows and not has_time():
            return Answer(rows, failed=problems > 0, following={"after": str(rows[-1]["user"])})
        try:
            done = repair.repair(uid)
            cards = container.character_repair().rebuild(uid, None, lambda: True)
            books = container.lorebook_repair().rebuild(uid, None, lambda: True)
        except TavernError as error:  # one user's trouble is not to keep the others from theirs
            problems += 1
            rows.append({"user": uid, "problem": error.message})
            continue
        rows.append(
            {
                "user": uid,
                "projects": done.projects,
                "workflows": done.workflows,
                "characters": cards.documents,
                "lorebooks": books.documents,
                "rowsWritten": done.written,
                "rowsRemoved": done.removed + cards.removed + books.removed,
            }
        )
    return Answer(rows, failed=problems > 0)


def _invite(arguments: Arguments, _has_time: Callable[[], bool]) -> Answer:
    admin = "admin" in arguments
    return container.user_operations().invite(int(arguments["days"]), admin=admin)


def _users(arguments: Arguments, _has_time: Callable[[], bool]) -> Answer:
    limit, after = int(arguments["limit"]), _text(arguments, "after")
    return container.user_operations().list(limit, after)


def _reset_password(arguments: Arguments, _has_time: Callable[[], bool]) -> Answer:
    return container.user_operations().reset_password(str(arguments["username"]))


def _disable(arguments: Arguments, _has_time: Callable[[], bool]) -> Answer:
    return container.user_operations().disable(str(arguments["username"]))


def _enable(arguments: Arguments, _has_time: Callable[[], bool]) -> Answer:
    return container.user_operations().enable(str(arguments["username"]))


def _quotas(arguments: Arguments, _has_time: Callable[[], bool]) -> Answer:
    changes: dict[str, int | None] = {}
    wanted = _text(arguments, "set")
    if wanted is not None:
        for part in wanted.split(","):
            name, _, number = part.partition("=")
            if number.strip() != "default" and not number.strip().isdecimal():
                raise InvalidInput.field("set", "name=number or name=default is expected")
            changes[name.strip()] = None if number.strip() == "default" else int(number)
    return container.user_operations().quotas(str(arguments["username"]), changes)


def _export(arguments: Arguments, has_time: Callable[[], bool]) -> Answer:
    username, after = str(arguments["username"]), _text(arguments, "after")
    return container.export().export(username, after, has_time)


def _erase(arguments: Arguments, has_time: Callable[[], bool]) -> Answer:
    username, confirm = str(arguments["username"]), _text(arguments, "confirm") or ""
    return container.erasure().erase(username, confirm, has_time)


def _rotate_keys(arguments: Arguments, has_time: Callable[[], bool]) -> Answer:
    return container.key_rotation().rotate(_text(arguments, "after"), has_time)


def _text(arguments: Arguments, name: str) -> str | None:
    value = arguments.get(name)
    return None if value is None else str(value)


_USERNAME = Argument(name="username", help="the user's name, or uid", by_place=True)
_PROMPT_ID = Argument(name="promptId", help="the run's prompt id", by_place=True)
COMMANDS = (
    Command("stats", "how much runs and waits, and what was tried too often", _stats),
    Command(
        "runs",
        "the queued and running runs of all users, oldest first",
        _runs,
        (
            Argument(name="user", help="only this user's (his uid)"),
            Argument(name="status", help="only these", choices=("queued", "running")),
            Argument(name="limit", help="how many to show", kind="number", default=200),
        ),
    ),
    Command(
        "end",
        "end a run that is stuck; its user sees the reason",
        _end,
        (
            _PROMPT_ID,
            Argument(name="as", help="as what", choices=("error", "interrupted"), default="error"),
            Argument(name="reason", help="why, in a sentence for the user"),
        ),
    ),
    Command(
        "requeue",
        "let the next free worker go on with a run, however often it was tried",
        _requeue,
        (_PROMPT_ID,),
    ),
    Command(
        "repair",
        "rebuild the lists of all that users keep from the objects behind them",
        _repair,
        (
            Argument(name="user", help="only this user's (his uid)"),
            Argument(name="after", help="only those of users past this one, to go on with"),
        ),
    ),
    Command(
        "invite",
        "make an invitation code for one account",
        _invite,
        (
            Argument(name="admin", help="for an administrator's", kind="flag"),
            Argument(name="days", help="how long it is good", kind="number", default=7, most=365),
        ),
    ),
    Command(
        "users",
        "all users",
        _users,
        (
            Argument(name="limit", help="how many to show", kind="number", default=200),
            Argument(name="after", help="only those past this uid"),
        ),
    ),
    Command(
        "reset-password",
        "give a user a random password, and end all his sessions",
        _reset_password,
        (_USERNAME,),
    ),
    Command(
        "disable",
        "lock a user out: end his sessions, service keys and runs",
        _disable,
        (_USERNAME,),
    ),
    Command("enable", "let a disabled user sign in again", _enable, (_USERNAME,)),
    Command(
        "quotas",
        "what a user may have and ask for",
        _quotas,
        (
            _USERNAME,
            Argument(name="set", help="change some: name=number,name=default"),
        ),
    ),
    Command(
        "export",
        "write all data of a user into a zip file on this machine",
        _export,
        (
            _USERNAME,
            Argument(name="to", help="the file to write; there must be none", by_place=True),
            Argument(name="after", help="where to go on", longest=4000),
        ),
    ),
    Command(
        "erase",
        "remove a user and all his data for good",
        _erase,
        (_USERNAME, Argument(name="confirm", help="the same name again")),
    ),
    Command(
        "rotate-keys",
        "turn the master key, and wrap the credentials of all users under the new one",
        _rotate_keys,
        (Argument(name="after", help="only those of users past this uid, to go on with"),),
    ),
)
"""All there are; their names, arguments and answers are what the command line is made of."""
