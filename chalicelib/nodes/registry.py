"""The node types that are there, from all packs."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalicelib.engine.definitions import NodeType
from chalicelib.errors import InvalidInput, NotFound
from chalicelib.nodes import loading
from chalicelib.nodes.definition import ButtonHandler, Node, is_relative
from chalicelib.nodes.loading import LoadedPack, Source
from chalicelib.nodes.slots import DefinitionError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Entry:
    node: Node
    type: NodeType
    home: LoadedPack


@dataclass(slots=True)
class _NodeSet:
    """What one load found. It is filled before others see it and never changes after."""

    entries: dict[str, _Entry] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    built_in: set[str] = field(default_factory=set)
    modules: list[str] = field(default_factory=list)

    def add(self, home: LoadedPack, *, built_in: bool) -> None:
        """Take in a whole pack, or nothing of it."""
        found = {
            f"{home.pack.namespace}:{node.type}": _entry(home, node) for node in home.pack.nodes
        }
        for full_type in found:
            if full_type in self.built_in:
                raise DefinitionError(f"{full_type} is a built-in type; use another namespace")
            if full_type in self.entries:
                raise DefinitionError(f"{full_type} is in another pack already")
        self.entries |= found
        if built_in:
            self.built_in |= found.keys()


class Registry:
    """Loads packs and finds node types in them (``engine.definitions.NodeTypes``).

    ``paths`` are pack folders or folders of packs; ``installed`` adds the packs of
    installed Python packages (entry point group ``comfytavern.nodes``). A pack that
    cannot be loaded is left out, logged and told in ``problems``; the others load. All
    methods may be called from any thread: a reader sees one whole load, never two mixed.
    """

    def __init__(self, paths: Sequence[Path] = (), *, installed: bool = True) -> None:
        self._paths = tuple(path.absolute() for path in paths)
        self._installed = installed
        self._loading = threading.Lock()
        self._set = _NodeSet()
        self._outdated: list[str] = []
        self.reload()

    def reload(self) -> int:
        """Load all packs anew and swap them in at once; how many node types there are.

        Folders are read again. Built-in packs and installed packages stay as they were
        imported; what was installed since is found.
        """
        with self._loading:
            fresh = _NodeSet()
            for source in loading.sources(self._paths, installed=self._installed):
                _load_into(fresh, source)
            # Runs may still use the set that goes now, so its modules stay one load longer.
            for name in self._outdated:
                loading.forget(name)
            self._outdated = self._set.modules
            self._set = fresh
            return len(fresh.entries)

    @property
    def problems(self) -> list[str]:
        """What was left out at the last load, as "pack: reason"."""
        return [*self._set.problems]

    def find(self, full_type: str) -> NodeType | None:
        """The node type of that name, or None."""
        entry = self._set.entries.get(full_type)
        return entry.type if entry else None

    def definitions(self) -> list[dict[str, Any]]:
        """The NodeDefinitions that clients get; fresh copies."""
        return [
            entry.node.definition(entry.home.pack.namespace) for entry in self._set.entries.values()
        ]

    def button_handler(self, full_type: str) -> ButtonHandler | None:
        """What is called when a button of such a node is clicked, or None."""
        entry = self._set.entries.get(full_type)
        return entry.node.on_button if entry else None

    def client_script(self, namespace: str, node_type: str, path: str) -> bytes:
        """The JavaScript that ``path``, relative to the node's pack, names.

        Only scripts of the pack's folder of client scripts are there. ``InvalidInput`` for
        a path that is not a relative one to a ``.js`` file, or leaves the pack, through a
        symbolic link too; ``NotFound`` for an unknown type or script.
        """
        _check_script_path(path)
        entry = self._set.entries.get(f"{namespace}:{node_type}")
        if entry is None:
            raise NotFound(f"Unknown node type {namespace}:{node_type}")
        if not entry.home.pack.is_client_script(path):
            raise NotFound("Unknown client script")
        return _read_script(entry.home, path)


def _load_into(nodes: _NodeSet, source: Source) -> None:
    home = None
    try:
        home = loading.load(source)
        _check_scripts(home)
        nodes.add(home, built_in=source.built_in)
    except (Exception, SystemExit) as error:  # noqa: BLE001 (any code may be in a pack; logged)
        why = loading.reason(error, source.folder)
        _log.exception("Node pack %s is left out: %s", source.name, why)
        nodes.problems.append(f"{source.name}: {why}")
        if home is not None and home.imported_as is not None:
            loading.forget(home.imported_as)
    else:
        if home.imported_as is not None:
            nodes.modules.append(home.imported_as)


def _entry(home: LoadedPack, node: Node) -> _Entry:
    return _Entry(node=node, type=node.node_type(home.pack.namespace), home=home)


def _check_scripts(home: LoadedPack) -> None:
    for node in home.pack.nodes:
        if node.client_script is not None and not (home.root / node.client_script).is_file():
            raise DefinitionError(f"{node.type}: there is no file {node.client_script}")


def _check_script_path(path: str) -> None:
    if not is_relative(path):
        raise InvalidInput.field("path", "expected a relative path within the node's pack")
    if not path.endswith(".js"):
        raise InvalidInput.field("path", "expected the path of a .js file")
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput.field("path", "expected valid Unicode text") from error


def _read_script(home: LoadedPack, path: str) -> bytes:
    """Read a script after following every link on the way to it."""
    try:
        folder = (home.root / home.pack.client_scripts).resolve()
        script = (home.root / path).resolve()
        inside = folder.is_relative_to(home.root.resolve()) and script.is_relative_to(folder)
        if not inside:
            raise InvalidInput.field("path", "expected a path that stays within the node's pack")
        if script.is_file():
            return script.read_bytes()
    except (OSError, RuntimeError) as error:  # RuntimeError: links in a circle
        raise NotFound("Unknown client script") from error
    raise NotFound("Unknown client script")
