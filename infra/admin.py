"""``python -m infra.admin [--stage STAGE] COMMAND ...``: the operator's command line.

The commands are those of ``chalicelib.admin``. Without a stage they run here, over the
data in TAVERN_DATA_DIR; with one its function ``Admin`` runs them.

Exit codes: 0 for done, 1 for what could not be done, 2 for wrong arguments.
"""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from chalicelib import admin, container, logs
from chalicelib.adapters.embedded.database import DatabaseUnusable
from chalicelib.adapters.embedded.vault import KeyFileUnusable
from chalicelib.errors import InvalidInput
from chalicelib.services.operations.commands import Argument, Arguments, Command, Value
from chalicelib.settings import SettingsError
from infra.archive import Archive
from infra.deployed_admin import CannotAsk, DeployedAdmin

Document = Mapping[str, Any]
_PROGRAM = "python -m infra.admin"
_ABOUT = """\
Looks after ComfyTavern: the one on this machine (the data in TAVERN_DATA_DIR, also
while it runs) or, with --stage, one that is deployed.
"""
_EXAMPLES = """\
examples:
  make admin ARGS=stats
  make admin ARGS="runs --status running --json"
  make admin ARGS="help end"
  make admin STAGE=prod ARGS='end PROMPT_ID --reason "The model is gone"'
"""
_A_DAY_IN_MILLISECONDS = 86_400_000


class Place(Protocol):
    """Where commands run."""

    def ask(self, question: Document) -> Document:
        """Run ``{command, arguments}``; what ``chalicelib.admin.run`` answers. ``CannotAsk``."""
        ...


class ThisMachine:
    """The data directory of this machine, whether a stack runs on it or not."""

    def ask(self, question: Document) -> Document:
        """Run it in this process."""
        if os.environ.get("BACKEND") == "moto":
            raise CannotAsk("BACKEND=moto keeps everything in the process that runs it")
        try:
            settings = container.settings()
            store = settings.data_dir / "tavern.db"
            if settings.backend == "embedded" and not store.is_file():
                raise CannotAsk(f"there is no {store}; TAVERN_DATA_DIR says where the data is")
            return admin.run(question, lambda: _A_DAY_IN_MILLISECONDS)
        except (DatabaseUnusable, KeyFileUnusable, SettingsError) as error:
            raise CannotAsk(str(error)) from error
        finally:
            container.close()


def main(arguments: Sequence[str]) -> int:
    """Run one command and print its answer; the exit code."""
    os.umask(0o077)  # what it writes is for the operator alone
    parser = _parser(admin.COMMANDS)
    asked = parser.parse_args(list(arguments) or ["help"])
    if asked.command == "help":
        parser.parse_args([*([asked.topic] if asked.topic else []), "--help"])
    command = next(each for each in admin.COMMANDS if each.name == asked.command)
    given = {argument.name: getattr(asked, argument.name) for argument in command.arguments}
    question = {name: value for name, value in given.items() if value is not None}
    logs.configure(os.environ.get("TAVERN_LOG") or "WARNING")
    try:
        place = ThisMachine() if asked.stage is None else DeployedAdmin.of(asked.stage)
    except CannotAsk as error:
        _say(f"Cannot ask: {error}")
        return 1
    return run(place, command, question, as_json=asked.json)


def run(place: Place, command: Command, arguments: Arguments, *, as_json: bool) -> int:
    """Ask a place until the command is done, and print what it answers; the exit code.

    Files of the answers go into a zip file, which the argument ``to`` names. There is
    none unless it has them all.
    """
    to = arguments.get("to")
    if to is None:
        return _run(place, command, arguments, as_json=as_json)
    path = Path(str(to))
    try:
        with Archive(path) as archive:
            code = _run(place, command, arguments, archive, as_json=as_json)
    except OSError as error:
        _say(f"Cannot write {path}: {error.strerror}")
        return 1
    if code:
        path.unlink()
    else:
        _say(f"Written: {path}")
    return code


def _run(
    place: Place,
    command: Command,
    arguments: Arguments,
    archive: Archive | None = None,
    *,
    as_json: bool,
) -> int:
    rows: list[Document] = []
    code = 0
    following: Arguments = {}
    try:
        for answer in _answers(place, command, arguments):
            if "error" in answer:
                _say(answer["error"]["message"])
                code = 2 if answer["error"]["kind"] == InvalidInput.__name__ else 1
                break
            rows += answer["rows"]
            if archive is not None:
                archive.keep(answer.get("files", ()))
            code = 1 if answer.get("failed") else code
            if "note" in answer:
                _say(answer["note"])
            following = answer.get("following", {})
            if following:
                count = len(rows) if archive is None else archive.count
                _say(f"{command.name}: {count} so far")
    except CannotAsk as error:
        _say(f"Cannot ask: {error}")
        code = 1
    if archive is not None:
        return code
    if rows or code == 0:
        print(json.dumps(rows, ensure_ascii=False, indent=2) if as_json else as_table(rows))
    if following:
        options = shlex.join(f"--{name}={value}" for name, value in following.items())
        _say(f"What is done stands. To go on: {command.name} {options}")
    return code


def _answers(place: Place, command: Command, arguments: Arguments) -> Iterator[Document]:
    following: Arguments | None = {}
    while following is not None:
        arguments = {**arguments, **following}
        answer = place.ask({"command": command.name, "arguments": arguments})
        yield answer
        following = answer.get("following")


def _parser(commands: Sequence[Command]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM,
        description=_ABOUT,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--stage", help="the deployed stage to ask (dev, prod)")
    choices = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    helper = choices.add_parser("help", help="what there is, or what a COMMAND takes")
    helper.add_argument("topic", nargs="?", choices=[each.name for each in commands])
    for command in commands:
        described = choices.add_parser(
            command.name, help=command.help, description=_sentence(command.help), allow_abbrev=False
        )
        for argument in command.arguments:
            _add(described, argument)
        described.add_argument("--json", action="store_true", help="print the rows as JSON")
    return parser


def _add(parser: argparse.ArgumentParser, argument: Argument) -> None:
    note = "" if argument.default is None else f" (default: {argument.default})"
    names = {True: argument.name, False: f"--{argument.name}"}
    if argument.kind == "flag":
        parser.add_argument(f"--{argument.name}", action="store_const", const=1, help=argument.help)
        return
    parser.add_argument(
        names[argument.by_place],
        type=_type(argument),
        help=argument.help + note,
        metavar="{" + ",".join(argument.choices) + "}" if argument.choices else None,
    )


def _type(argument: Argument) -> Callable[[str], Value]:
    def parse(text: str) -> Value:
        try:
            return argument.parse(text)
        except InvalidInput as error:
            raise argparse.ArgumentTypeError(error.details[argument.name][0]) from error

    return parse


def as_table(rows: Sequence[Document]) -> str:
    """Rows under the names of their columns, numbers to the right.

    >>> print(as_table([{"user": "ada", "runs": 7}, {"user": "bob", "runs": None}]))
    user  runs
    ada      7
    bob      -
    """
    if not rows:
        return "(none)"
    columns = list(dict.fromkeys(name for row in rows for name in row))
    table = [columns, *([_cell(row.get(name)) for name in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    numeric = [any(isinstance(row.get(name), int) for row in rows) for name in columns]
    aligned = [
        [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        for line in table
    ]
    return "\n".join("  ".join(line).rstrip() for line in aligned)


def _cell(value: object) -> str:
    """A value for a terminal, which is not to be given control characters."""
    text = "-" if value is None else str(value)
    return text if text.isprintable() else ascii(text)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _say(text: str) -> None:
    print(text, file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
