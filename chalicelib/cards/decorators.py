"""Decorators: what version 3 lets an entry of a lorebook say in its first lines.

https://github.com/kwaroran/character-card-spec-v3/blob/main/SPEC_V3.md (Decorators): lines
``@@name value`` before the content; lines ``@@@name value`` after one are what to take
instead of it, one after another, where its name is not known.
"""

import re
from dataclasses import dataclass

_LINE = re.compile(r"(@@@?)([A-Za-z_][\w-]*)(?:[ \t]+([^\n]*))?(?:\n|$)")


@dataclass(frozen=True, slots=True)
class Decorator:
    """``value`` is empty where there is none; ``fallbacks`` are in order, without their own."""

    name: str
    value: str = ""
    fallbacks: tuple["Decorator", ...] = ()


def decorators(content: str) -> tuple[tuple[Decorator, ...], str]:
    """The decorators that begin an entry's content, and the text after them.

    The text is the end of ``content`` as it is. Nothing is dropped: the first line that is
    no decorator, and all that follows, belongs to the text. A fallback of nothing is a
    decorator itself.

    >>> decorators("@@depth 2\\n@@@role user\\nThe moon is a lantern.")
    ((Decorator(name='depth', value='2', fallbacks=(Decorator(name='role', value='user', \
fallbacks=()),)),), 'The moon is a lantern.')
    """
    found: list[tuple[Decorator, list[Decorator]]] = []
    at = 0
    while match := _LINE.match(content, at):
        signs, name, value = match.groups(default="")
        one = Decorator(name, value.strip())
        if signs == "@@@" and found:
            found[-1][1].append(one)
        else:
            found.append((one, []))
        at = match.end()
    return (
        tuple(Decorator(one.name, one.value, tuple(fallbacks)) for one, fallbacks in found),
        content[at:],
    )
