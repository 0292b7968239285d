"""CHARX: an archive with a ``card.json`` and the files that its ``assets`` name.

https://github.com/kwaroran/character-card-spec-v3/blob/main/SPEC_V3.md (CHARX). The picture of
the character is its main icon. It is kept apart from the other files, so that it can be
shown, and changed, as that of any card.
"""

from collections.abc import Container, Mapping
from dataclasses import replace
from typing import Any

from chalicelib.cards.archives import Archive, safe_name
from chalicelib.cards.budget import Budget
from chalicelib.cards.card import BrokenCard, Card, Read
from chalicelib.cards.files import Files
from chalicelib.cards.inside import EMBEDDED, embedded_path, suffix_of
from chalicelib.cards.json_card import parse, write_json
from chalicelib.cards.limits import MAX_FILE_BYTES
from chalicelib.cards.notes import Notes
from chalicelib.cards.shapes import interpret
from chalicelib.cards.zip_entries import Entry
from chalicelib.cards.zip_writing import write_zip
from chalicelib.errors import InvalidInput

CARD = "card.json"
_ICON = {"type": "icon", "name": "main"}
_ICONS = "assets/icon/images"

_WAS = "comfytavern_was"
"""In the icon of an archive that we wrote: what the card itself says there."""

_SAME_SUFFIX = {"jpeg": "jpg"}


def read(archive: Archive, *, stem: str, budget: Budget | None = None) -> Read:
    """The card, its picture, and all other files under their names, as ``Files``.

    ``BrokenCard`` for an archive without a card, ``BrokenArchive`` for files that cannot be
    read. Assets that are named but not there are repairs.
    """
    entry = archive.find(CARD)
    if entry is None:
        raise BrokenCard(f"The archive has no {CARD}")
    value, repairs = parse(entry.read(at_most=MAX_FILE_BYTES), place=CARD, budget=budget)
    found = interpret(
        value, stem=stem, kind="charx", place=CARD, repairs=(*archive.repairs, *repairs)
    )
    if found.card is None:
        return found
    files = Files.checked({one.name: one for one in archive.files if one.name != CARD})
    notes = Notes(found.repairs)
    _note_missing(found.card, files, notes)
    card, path, is_ours = _without_icon(found.card, files)
    return replace(
        found,
        card=card,
        picture=None if path is None else files[path],
        assets=files if path is None or not is_ours else files.without(path),
        repairs=notes.told,
    )


def write_charx(
    card: Card, picture: bytes | None = None, assets: Mapping[str, bytes] | None = None
) -> bytes:
    """An archive from which ``read`` gives the same card, picture and assets.

    The picture stands where the card's main icon says, else as
    ``assets/icon/images/main.<its kind>``, which the card in the archive then names.
    ``InvalidInput`` for a picture of an unknown kind, and for names of assets that
    archives must not have. The same input makes the same bytes; ``Files`` stay packed.
    """
    given = assets or {}
    files: dict[str, bytes | Entry] = dict(given.entries if isinstance(given, Files) else given)
    for name in files:
        if safe_name(name) != name or name == CARD:
            raise InvalidInput.field("assets", f"{name!r} cannot be the name of an asset")
    if picture is not None:
        suffix = suffix_of(picture)
        if suffix is None:
            raise InvalidInput.field("picture", "A JPEG, PNG, GIF or WebP picture is expected")
        card, path = _with_icon(card, suffix, files)
        files[path] = picture
    return write_zip({**files, CARD: write_json(card)})


def _note_missing(card: Card, files: Container[str], notes: Notes) -> None:
    for index, asset in enumerate(_assets(card)):
        path = embedded_path(asset.get("uri"))
        if path is not None and path not in files:
            notes.add(f"data.assets[{index}].uri", "it names a file that is not in the archive")


def _without_icon(card: Card, files: Files) -> tuple[Card, str | None, bool]:
    """The card as it was before it got into an archive, and where its picture is.

    The last says whether nothing else in the card names that file.
    """
    assets = _assets(card)
    main = _main_icon(assets)
    if main is None:
        return card, None, False
    path = embedded_path(assets[main].get("uri"))
    if path is None or suffix_of(files.head(path)) is None:
        return card, _any_icon(assets, files), False
    others = assets[:main] + assets[main + 1 :]
    is_ours = all(embedded_path(asset.get("uri")) != path for asset in others)
    icon = assets[main]
    if _WAS not in icon:
        return card, path, is_ours
    was = icon[_WAS]
    if isinstance(was, dict):
        rest = {key: icon[key] for key in icon if key not in (_WAS, "uri", "ext")}
        restored = [*assets[:main], {**rest, **was}, *assets[main + 1 :]]
    else:
        restored = others
    data = {key: value for key, value in card.data.items() if key != "assets"}
    if was is not None or restored:
        data["assets"] = restored
    return replace(card, data=data), path, is_ours


def _with_icon(card: Card, suffix: str, files: Container[str]) -> tuple[Card, str]:
    """The card as it stands in the archive, and the name of its picture there."""
    assets = _assets(card)
    main = _main_icon(assets)
    icon = {} if main is None else assets[main]
    path = embedded_path(icon.get("uri"))
    if path is not None and path != CARD and _kind(path) == suffix:
        return card, path
    path = _free_path(suffix, files)
    placed = {"uri": f"{EMBEDDED}{path}", "ext": suffix}
    if main is None:
        was = "" if "assets" in card.data else None
        changed = [*assets, {**_ICON, **placed, _WAS: was}]
    else:
        was_icon = {key: icon[key] for key in ("uri", "ext") if key in icon}
        changed = [*assets[:main], {**icon, **placed, _WAS: was_icon}, *assets[main + 1 :]]
    return replace(card, data={**card.data, "assets": changed}), path


def _assets(card: Card) -> list[dict[str, Any]]:
    assets: list[dict[str, Any]] = card.data.get("assets", [])
    return assets


def _main_icon(assets: list[dict[str, Any]]) -> int | None:
    """Of several icons the one that is called so, else the first."""
    icons = [index for index, asset in enumerate(assets) if asset.get("type") == _ICON["type"]]
    named = [index for index in icons if assets[index].get("name") == _ICON["name"]]
    return next(iter(named or icons), None)


def _any_icon(assets: list[dict[str, Any]], files: Files) -> str | None:
    """The first icon that is a picture: it stays among the files."""
    for asset in assets:
        path = embedded_path(asset.get("uri"))
        if asset.get("type") != _ICON["type"] or path is None:
            continue
        if suffix_of(files.head(path)) is not None:
            return path
    return None


def _kind(path: str) -> str:
    suffix = path.rpartition(".")[2].lower()
    return _SAME_SUFFIX.get(suffix, suffix)


def _free_path(suffix: str, files: Container[str]) -> str:
    path, number = f"{_ICONS}/main.{suffix}", 1
    while path in files:
        path, number = f"{_ICONS}/main_{number}.{suffix}", number + 1
    return path
