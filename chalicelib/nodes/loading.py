"""Finds packs and imports them: the built-in ones, folders, installed packages.

A folder is imported under a name that is used once, by a loader that neither reads nor
writes bytecode: so a second load sees every change of its files, and the modules of two
loads never mix.
"""

import importlib
import itertools
import pkgutil
import re
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from importlib.util import module_from_spec
from pathlib import Path
from types import CodeType, ModuleType

from chalicelib.nodes import packs
from chalicelib.nodes.definition import Pack
from chalicelib.nodes.slots import DefinitionError

ENTRY_POINT_GROUP = "comfytavern.nodes"
_PREFIX = "_comfytavern_pack_"
_FOLDERS = re.compile(r"(?:[A-Za-z]:)?(?:[\\/][^\\/\s'\"()]+)+[\\/]")
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a pack comes from: ``name`` for messages, and a way to import it.

    ``folder`` is a pack folder, ``module`` a module that defines ``pack``,
    ``entry_point`` the ``module:attribute`` of an installed package. ``problem`` is why
    there is nothing to load.
    """

    name: str
    folder: Path | None = None
    module: str | None = None
    entry_point: str | None = None
    problem: str | None = None
    built_in: bool = False


@dataclass(frozen=True, slots=True)
class LoadedPack:
    """A pack, the folder it is in, and the name under which a folder was imported."""

    pack: Pack
    root: Path
    imported_as: str | None = None


def sources(paths: Sequence[Path], *, installed: bool) -> Iterator[Source]:
    """The packs to load, in order: built-in, folders, installed packages."""
    for module in sorted(info.name for info in pkgutil.iter_modules(packs.__path__) if info.ispkg):
        yield Source(name=module, module=f"{packs.__name__}.{module}.pack", built_in=True)
    for path in paths:
        yield from _folders(path)
    if installed:
        yield from _installed()


def load(source: Source) -> LoadedPack:
    """Import a pack. Whatever its code raises goes through; else ``DefinitionError``."""
    if source.folder is not None:
        return _load_folder(source.folder)
    if source.module is not None:
        return _loaded(importlib.import_module(source.module), "pack")
    if source.entry_point is not None:
        module, _, attribute = source.entry_point.partition(":")
        return _loaded(importlib.import_module(module), attribute)
    raise DefinitionError(source.problem or "There is nothing to load")


def forget(imported_as: str) -> None:
    """Drop a folder's modules from the interpreter's table."""
    for name in [*sys.modules]:
        if name == imported_as or name.startswith(f"{imported_as}."):
            sys.modules.pop(name, None)


def reason(error: BaseException, folder: Path | None) -> str:
    """Why a pack could not be loaded, for its author: no path of the server, no stack."""
    if isinstance(error, DefinitionError):
        return str(error)
    text = _FOLDERS.sub("", f"{type(error).__name__}: {error}".rstrip(": "))
    line = _last_line(error, folder) if folder is not None else None
    return f"{text} ({line})" if line else text


def _last_line(error: BaseException, folder: Path) -> str | None:
    """The last line of the pack's own code that the error came through."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        file = Path(frame.filename)
        if file.is_relative_to(folder):
            return f"{file.relative_to(folder).as_posix()}, line {frame.lineno}"
    return None


def _folders(path: Path) -> Iterator[Source]:
    """The path is a pack, or a folder of packs."""
    try:
        if (path / "pack.py").is_file():
            yield Source(name=path.name or str(path), folder=path)
            return
        found = sorted(child for child in path.iterdir() if (child / "pack.py").is_file())
    except OSError as error:
        yield Source(name=path.name, problem=f"The folder cannot be read ({error.strerror})")
        return
    if not found:
        yield Source(name=path.name, problem="There is no pack.py in it or one level below it")
    for folder in found:
        yield Source(name=folder.name, folder=folder)


def _installed() -> Iterator[Source]:
    from importlib.metadata import entry_points  # 20 ms that many starts do not need

    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name):
        yield Source(name=point.name, entry_point=f"{point.module}:{point.attr or 'pack'}")


def _load_folder(folder: Path) -> LoadedPack:
    _install_finder()
    name = f"{_PREFIX}{next(_numbers)}_{re.sub(r'[^A-Za-z0-9_]', '_', folder.name)}"
    try:
        _import_root(name, folder)
        module = importlib.import_module(f"{name}.pack")
        return LoadedPack(_pack_of(module, "pack"), folder, imported_as=name)
    except BaseException:
        forget(name)
        raise


def _import_root(name: str, folder: Path) -> None:
    """Make the folder a package, so that its modules can import each other relatively."""
    start = folder / "__init__.py"
    loader = _FreshLoader(name, str(start)) if start.is_file() else None
    spec = ModuleSpec(name, loader, origin=str(start) if loader else None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    module = module_from_spec(spec)
    sys.modules[name] = module
    if loader is not None:
        loader.exec_module(module)


def _loaded(module: ModuleType, attribute: str) -> LoadedPack:
    if module.__file__ is None:
        raise DefinitionError("Its module is not in a file")
    return LoadedPack(_pack_of(module, attribute), Path(module.__file__).parent)


def _pack_of(module: ModuleType, attribute: str) -> Pack:
    value: object = module
    for part in attribute.split("."):
        value = getattr(value, part, None)
    if not isinstance(value, Pack):
        raise DefinitionError(f"It does not define `{attribute} = Pack(...)`")
    return value


class _FreshLoader(SourceFileLoader):
    """Compiles the file as it is now.

    Bytecode is matched to its source by size and by whole seconds of time, so an edit
    soon after a load could go unseen.
    """

    def get_code(self, fullname: str) -> CodeType | None:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


class _PackFinder:
    """Finds the modules within pack folders; a new look at the folder each time.

    Not a subclass of ``importlib.abc.MetaPathFinder``, whose import takes 7 ms.
    """

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,  # noqa: ARG002 (the interface of the import system)
    ) -> ModuleSpec | None:
        if path is None or not fullname.startswith(_PREFIX):
            return None
        loaders = ((ExtensionFileLoader, EXTENSION_SUFFIXES), (_FreshLoader, SOURCE_SUFFIXES))
        for folder in path:
            spec = FileFinder(folder, *loaders).find_spec(fullname)
            if spec is not None:
                return spec
        return None


_finder = _PackFinder()


def _install_finder() -> None:
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
