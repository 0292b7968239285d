"""Projects, workflows, templates."""

from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.container.characters import character_shelf
from chalicelib.container.identity import limits
from chalicelib.container.lorebooks import lorebook_shelf
from chalicelib.container.parts import clock, part, settings
from chalicelib.container.stores import documents, index

if TYPE_CHECKING:
    from chalicelib.services.library.all_bins import AllBins
    from chalicelib.services.library.index_repair import IndexRepair
    from chalicelib.services.library.projects import Projects
    from chalicelib.services.library.templates import Templates
    from chalicelib.services.library.workflows import Workflows


_SHIPPED_TEMPLATES = Path(__file__).parents[1] / "templates"


@part
def projects() -> "Projects":
    """Projects and their metadata."""
    from chalicelib.services.library.projects import Projects

    return Projects(documents(), index(), clock(), limits().storage())


@part
def workflows() -> "Workflows":
    """The workflows of projects."""
    from chalicelib.services.library.workflows import Workflows

    return Workflows(documents(), index(), clock(), limits().storage())


@part
def recycle_bin() -> "AllBins":
    """What was deleted."""
    from chalicelib.services.library.all_bins import AllBins
    from chalicelib.services.library.recycle_bin import RecycleBin

    projects = RecycleBin(documents(), index(), clock())
    return AllBins(projects, character_shelf(), lorebook_shelf())


@part
def templates() -> "Templates":
    """Global workflows."""
    from chalicelib.services.library.templates import Templates

    folder = settings().templates_dir or _SHIPPED_TEMPLATES
    return Templates(folder, documents() if settings().backend == "aws" else None)


@part
def index_repair() -> "IndexRepair":
    """What rebuilds the lists of projects and workflows."""
    from chalicelib.services.library.index_repair import IndexRepair

    return IndexRepair(documents(), index(), clock())
