"""Valid JSON with a few things wrong: what a careless client sends, or a careful attacker."""

import copy
from collections.abc import Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

from tests.api.hostile import JSON

Path = tuple[str | int, ...]


@st.composite
def mutated(draw: st.DrawFn, originals: Sequence[Any], *, most: int = 3) -> Any:
    """One of the originals with up to ``most`` places changed."""
    value = copy.deepcopy(draw(st.sampled_from(originals)))
    for _ in range(draw(st.integers(1, most))):
        places = list(_places(value))
        if not places:
            return draw(JSON)
        _mutate(draw, value, draw(st.sampled_from(places)))
    return value


def _mutate(draw: st.DrawFn, value: Any, place: Path) -> None:
    key: Any = place[-1]  # a position or a name, as the parent wants it
    parent = _at(value, place[:-1])
    match draw(st.sampled_from(["replace", "replace", "delete", "borrow", "double", "add"])):
        case "replace":
            parent[key] = draw(JSON)
        case "delete":
            del parent[key]
        case "borrow":  # something that is valid elsewhere
            parent[key] = copy.deepcopy(_at(value, draw(st.sampled_from(list(_places(value))))))
        case "double" if isinstance(parent, list):
            parent.append(copy.deepcopy(parent[key]))
        case "double":
            parent[f"{key}__0"] = copy.deepcopy(parent[key])
        case "add" if isinstance(parent, list):
            parent.insert(0, draw(JSON))
        case "add":
            parent[draw(st.text(max_size=5))] = draw(JSON)


def _places(value: Any, path: Path = ()) -> Iterator[Path]:
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in items:
        yield (*path, key)
        if isinstance(child, (dict, list)):
            yield from _places(child, (*path, key))


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value
