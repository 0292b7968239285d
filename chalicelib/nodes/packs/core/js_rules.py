"""Applies lists of JavaScript regular expression rules to a text."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import regex

from chalicelib.nodes import NodeError
from chalicelib.nodes.packs.core.js import text_of
from chalicelib.nodes.packs.core.js_escapes import PatternError
from chalicelib.nodes.packs.core.js_regex import Translation, translate
from chalicelib.nodes.packs.core.js_replace import (
    MAX_RESULT,
    ResultTooLong,
    from_code_units,
    parts_of,
    substitute,
    to_code_units,
)

TIME_LIMIT = 0.2  # seconds a rule may take
_FLAGS = "dgimsuy"


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule that is to be applied; ``name`` is for messages."""

    name: str
    pattern: str
    replacement: str
    flags: str


def apply_rules(text: str, rules: Sequence[Any]) -> str:
    """The text after all rules that count, in order.

    A rule is a mapping with ``name``, ``pattern``, ``replacement``, ``flags`` and
    ``enabled``. One with the name of an earlier one, one that is disabled and one without a
    pattern is skipped. ``NodeError`` for a rule that JavaScript would not take or that
    takes longer than ``TIME_LIMIT``.
    """
    for rule in _active(rules):
        text = _apply(rule, text)
    return text


def _active(rules: Sequence[Any]) -> Iterator[_Rule]:
    """The rules that count: the first of each name, enabled, with a pattern."""
    seen: set[str] = set()
    for number, rule in enumerate(rules, start=1):
        if not isinstance(rule, Mapping):
            continue
        name = None if rule.get("name") is None else text_of(rule["name"])
        if name and name in seen:
            continue
        seen.add(name or "")
        enabled = rule.get("enabled")
        if (enabled is None or enabled) and rule.get("pattern") not in (None, ""):
            yield _rule(name or f"number {number}", rule)


def _rule(label: str, rule: Mapping[str, Any]) -> _Rule:
    pattern, flags = rule["pattern"], rule.get("flags") or "g"
    if not isinstance(pattern, str):
        raise NodeError(f"Rule {label}: pattern: expected text")
    if not isinstance(flags, str) or not set(flags) <= set(_FLAGS):
        raise NodeError(f"Rule {label}: flags: expected letters of {_FLAGS}")
    if len(set(flags)) < len(flags):
        raise NodeError(f"Rule {label}: flags: a letter occurs twice")
    replacement = rule.get("replacement")
    return _Rule(label, pattern, "" if replacement is None else text_of(replacement), flags)


def _apply(rule: _Rule, text: str) -> str:
    translation, compiled = _compiled(rule)
    template = rule.replacement
    if "u" not in rule.flags:
        text, template = to_code_units(text), to_code_units(template)
    parts = parts_of(template, translation.groups, translation.names)
    matches = (_adjacent if "y" in rule.flags else _anywhere)(compiled, text)
    try:
        replaced = substitute(text, islice(matches, None if "g" in rule.flags else 1), parts)
    except TimeoutError as error:
        raise NodeError(f"Rule {rule.name} took longer than {TIME_LIMIT * 1000:.0f} ms") from error
    except (ResultTooLong, MemoryError) as error:
        raise NodeError(
            f"Rule {rule.name}: the text would get longer than {MAX_RESULT} characters"
        ) from error
    return from_code_units(replaced)


def _compiled(rule: _Rule) -> tuple[Translation, regex.Pattern[str]]:
    pattern = rule.pattern if "u" in rule.flags else to_code_units(rule.pattern)
    flags = regex.VERSION0 | (regex.IGNORECASE if "i" in rule.flags else 0)
    try:
        translation = translate(pattern, rule.flags)
        return translation, regex.compile(translation.source, flags)
    except (PatternError, regex.error) as error:
        raise NodeError(f"Rule {rule.name}: the pattern does not compile: {error}") from error
    except (RecursionError, MemoryError, OverflowError) as error:
        raise NodeError(f"Rule {rule.name}: the pattern is too large") from error


def _anywhere(compiled: regex.Pattern[str], text: str) -> Iterator[regex.Match[str]]:
    """The matches of a global search; ``TimeoutError`` after the limit.

    After an empty match JavaScript goes on one character further, where ``finditer`` first
    looks for a longer match at the same place; such a one is passed over.
    """
    deadline = time.thread_time() + TIME_LIMIT
    at = 0
    while at <= len(text):
        empty_at = -1
        for match in compiled.finditer(text, at, timeout=_left(deadline)):
            start, end = match.span()
            if start == empty_at:
                at = start + 1
                break
            empty_at = start if start == end else -1
            yield match
        else:
            return


def _adjacent(compiled: regex.Pattern[str], text: str) -> Iterator[regex.Match[str]]:
    """The matches of a sticky search: from the start, up to the first gap."""
    deadline = time.thread_time() + TIME_LIMIT
    at = 0
    while at <= len(text):
        match = compiled.match(text, at, timeout=_left(deadline))
        if match is None:
            return
        yield match
        start, at = match.span()
        at += start == at


def _left(deadline: float) -> float:
    left = deadline - time.thread_time()
    if left <= 0:
        raise TimeoutError
    return left
