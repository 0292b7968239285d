"""ApplyRegex: JavaScript's regular expressions and replacements."""

import contextlib
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.nodes import NodeError
from chalicelib.nodes.packs.core.js_rules import apply_rules
from tests.unit.nodes.support import error_of, run

# What a JavaScript engine answered to text.replace(new RegExp(pattern, flags), replacement);
# the result is null where it refused the pattern or the flags.
RECORDED = json.loads(
    (Path(__file__).parents[2] / "fixtures" / "javascript_replace.json").read_text("utf-8")
)
LETTERS = st.text("abAB01_ \n😀é", max_size=20)


def rule(pattern: Any, replacement: Any = "", **more: Any) -> dict[str, Any]:
    return {"pattern": pattern, "replacement": replacement, **more}


def applied(text: Any, *rules: Any) -> Any:
    return run("ApplyRegex", inputText=text, inlineRegexRules=list(rules))["outputText"]


def fails(text: Any, *rules: Any) -> str:
    return error_of("ApplyRegex", inputText=text, inlineRegexRules=list(rules))


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: f"/{case['pattern']}/{case['flags']}")
def test_a_rule_does_what_javascript_does(case: dict[str, Any]) -> None:
    rules = [{**case, "name": "recorded"}]
    if case["result"] is None:
        with pytest.raises(NodeError, match="Rule recorded: "):
            apply_rules(case["text"], rules)
    else:
        assert apply_rules(case["text"], rules) == case["result"]


def test_rules_are_applied_in_order_and_those_of_the_node_first() -> None:
    outputs = run(
        "ApplyRegex",
        inputText="a",
        inlineRegexRules=[rule("a", "b"), rule("b", "c")],
        regexRules=[rule("c", "d")],
    )
    assert outputs == {"outputText": "d"}


def test_a_rule_with_the_name_of_an_earlier_one_is_skipped() -> None:
    first, second = rule("o", "0", name="r"), rule("h", "H", name="r")
    assert applied("hello", first, second) == "hell0"
    outputs = run("ApplyRegex", inputText="hello", inlineRegexRules=[first], regexRules=[second])
    assert outputs == {"outputText": "hell0"}


def test_a_name_counts_as_taken_though_its_rule_is_disabled() -> None:
    assert applied("a", rule("a", "b", name="r", enabled=False), rule("a", "c", name="r")) == "a"


@pytest.mark.parametrize("name", [None, ""])
def test_rules_without_a_name_are_all_applied(name: Any) -> None:
    assert applied("ab", rule("a", "1", name=name), rule("b", "2", name=name)) == "12"


@pytest.mark.parametrize("enabled", [False, 0])
def test_a_disabled_rule_is_skipped(enabled: Any) -> None:
    assert applied("a", rule("a", "b", enabled=enabled)) == "a"


@pytest.mark.parametrize("enabled", [True, None])
def test_a_rule_is_enabled_unless_it_says_otherwise(enabled: Any) -> None:
    assert applied("a", rule("a", "b", enabled=enabled)) == "b"


@pytest.mark.parametrize("bad", [{"bad": 1}, rule(""), rule(None), 5, "text", None, []])
def test_what_has_no_pattern_is_skipped(bad: Any) -> None:
    assert applied("abc", bad, rule("b", "B")) == "aBc"


@pytest.mark.parametrize("flags", [None, ""])
def test_no_flags_mean_global(flags: Any) -> None:
    assert applied("aaa", rule("a", "b", flags=flags)) == "bbb"
    assert applied("aaa", rule("a", "b")) == "bbb"


def test_flags_without_g_replace_the_first_match_only() -> None:
    assert applied("aAa", rule("A", "b", flags="i")) == "bAa"


@pytest.mark.parametrize("flags", ["x", "gx", "v", "gg", 5, ["g"]])
def test_flags_that_javascript_does_not_know_are_an_error(flags: Any) -> None:
    assert "Rule r: flags" in fails("a", rule("a", "b", flags=flags, name="r"))


def test_a_missing_replacement_removes_the_match() -> None:
    assert applied("abc", {"pattern": "b"}) == "ac"


def test_a_replacement_that_is_no_text_is_written_as_json() -> None:
    assert applied("abc", rule("b", 2.0)) == "a2c"


def test_without_rules_the_text_stays() -> None:
    assert run("ApplyRegex", inputText="abc") == {"outputText": "abc"}


@pytest.mark.parametrize("empty", [None, "", []])
def test_empty_rule_lists_are_no_rules(empty: Any) -> None:
    assert run("ApplyRegex", inputText="abc", inlineRegexRules=empty, regexRules=empty) == {
        "outputText": "abc"
    }


@pytest.mark.parametrize("text", [5, None, True, ["a"]])
def test_an_input_that_is_no_text_is_an_error(text: Any) -> None:
    assert "inputText" in fails(text)


@pytest.mark.parametrize("rules", ["not json", 5, {"pattern": "a"}])
def test_a_rule_list_that_is_none_is_an_error(rules: Any) -> None:
    assert "regexRules" in error_of("ApplyRegex", inputText="a", regexRules=rules)


def test_a_pattern_that_does_not_compile_is_an_error_that_names_the_rule() -> None:
    assert fails("abc", rule("(", name="mine")).startswith(
        "Rule mine: the pattern does not compile"
    )


def test_a_rule_without_a_name_is_named_by_its_number() -> None:
    assert fails("abc", rule("a"), rule("(")).startswith("Rule number 2")


def test_a_pattern_that_is_no_text_is_an_error() -> None:
    assert "pattern: expected text" in fails("a", rule(5))


def test_a_rule_that_takes_too_long_fails_the_node() -> None:
    started = time.thread_time()
    assert "took longer than 200 ms" in fails("a" * 60 + "b", rule("(a|aa)+$", name="slow"))
    assert time.thread_time() - started < 2


def test_many_short_matches_count_against_the_limit_too() -> None:
    assert "took longer" in fails("ab" * 2_000_000, rule("a", "b"))


@pytest.mark.parametrize(
    "pattern",
    [
        "(?:x" * 30 + ")+" * 30,
        "(?:(?:(?:(?:ab|c){1000}){1000}){1000}){1000}",
        "a{99999}",
        "a{40000}" * 2,
        "a{99999999999999999999}",
        "(" * 5000 + ")" * 5000,
        "a" * 10_001,
        "[a" * 4000,
    ],
)
def test_patterns_that_would_take_all_memory_are_refused(pattern: str) -> None:
    assert "does not compile" in fails("abc", rule(pattern))


def test_groups_may_nest_50_deep() -> None:
    assert applied("abc", rule("(" * 50 + "b" + ")" * 50, "[$50]")) == "a[b]c"


@pytest.mark.parametrize("replacement", ["$&" * 1000, "$`$'" * 1000])
def test_a_result_that_would_take_all_memory_is_an_error(replacement: str) -> None:
    assert "longer than 10000000 characters" in fails("ab" * 10_000, rule("[^]{1000}", replacement))


def test_rules_that_double_the_text_end_in_an_error() -> None:
    assert "longer than" in fails("abc", *[rule("[^]+", "$&$&")] * 40)


def test_a_lone_half_of_a_surrogate_pair_never_leaves_the_node() -> None:
    assert applied("a😀", rule("[\\ud800-\\udbff]", "")) == "a\ufffd"


@given(text=LETTERS, replacement=st.text("ab$&1`'<>", max_size=8))
def test_a_plain_letter_is_replaced_as_python_replaces_it(text: str, replacement: str) -> None:
    escaped = replacement.replace("$", "$$")
    assert applied(text, rule("a", escaped)) == text.replace("a", replacement)


@given(text=LETTERS, word=LETTERS.filter(bool))
def test_a_quoted_word_matches_itself_only(text: str, word: str) -> None:
    quoted = "".join(f"\\u{{{ord(char):x}}}" for char in word)
    assert applied(text, rule(quoted, "-", flags="gu")) == text.replace(word, "-")


@given(text=LETTERS)
def test_replacing_each_match_by_itself_changes_nothing(text: str) -> None:
    for pattern in (".", "\\w+", "\\s*", "(?=a)", "[^a]|a", "^|$"):
        for flags in ("g", "gu", "gimsu", "gy"):
            assert applied(text, rule(pattern, "$&", flags=flags)) == text


@given(pattern=st.text("ab()[]{}*+?|\\^$.-,:=!<>123dwsbBkuxcpP", max_size=12), text=LETTERS)
def test_a_pattern_is_applied_or_refused_and_nothing_else(pattern: str, text: str) -> None:
    for flags in ("g", "giu", "gmsy"):
        with contextlib.suppress(NodeError):
            assert isinstance(apply_rules(text, [rule(pattern, "-", flags=flags)]), str)
