"""TextMerge, CreateMessage, MergeMessages, History and MergeHistory."""

import json
import math
from typing import Any

import pytest

from tests.unit.nodes.support import defaults, error_of, run

HI = '[{"role":"user","content":"hi"}]'
YES = '[{"role":"assistant","content":"yes"}]'
BOTH = '[{"role":"user","content":"hi"},{"role":"assistant","content":"yes"}]'


def merged(texts: Any, separator: Any = "-") -> Any:
    return run("TextMerge", text_inputs=texts, separator=separator)["merged_text"]


def joined(given: Any) -> Any:
    return run("MergeMessages", message_inputs=given)["messages"]


def test_texts_are_joined_by_the_separator() -> None:
    assert merged(["x", "y", "z"], ", ") == "x, y, z"


def test_the_separator_is_a_new_line_unless_another_is_given() -> None:
    default = defaults("TextMerge")["separator"]
    assert default == "\\n"
    assert merged(["x", "y"], default) == "x\ny"
    assert run("TextMerge", text_inputs=["x", "y"]) == {"merged_text": "x\ny"}


@pytest.mark.parametrize(
    ("typed", "between"),
    [("\\t", "\t"), ("\\n", "\n"), ("\\\\", "\\"), ("\\\\n", "\\n"), ("\\x", "\\x"), ("", "")],
)
def test_escapes_in_the_separator_are_undone(typed: str, between: str) -> None:
    assert merged(["x", "y"], typed) == f"x{between}y"


def test_escapes_in_the_texts_stay() -> None:
    assert merged(["a\\nb", "c"]) == "a\\nb-c"


def test_one_string_is_given_back_as_it_is() -> None:
    assert merged("a\\nb") == "a\\nb"


def test_what_is_no_string_is_written_as_json() -> None:
    given = [1, 2.0, 0.5, True, {"a": [1, None]}, [1, "x"], math.nan, "text"]
    assert merged(given, "|") == '1|2|0.5|true|{"a":[1,null]}|[1,"x"]|null|text'


def test_missing_texts_are_skipped() -> None:
    assert merged(["a", None, "b"]) == "a-b"
    assert merged(None) == ""


def test_a_single_value_is_written_too() -> None:
    assert merged(5) == "5"


def test_a_separator_that_is_no_text_is_written_as_json() -> None:
    assert merged(["a", "b"], 0) == "a0b"


def test_a_message_is_compact_json_with_unicode_kept() -> None:
    message = run("CreateMessage", role="user", content='Grüße 😀 "x"\n')
    assert message == {"messages": '[{"role":"user","content":"Grüße 😀 \\"x\\"\\n"}]'}


def test_content_that_is_no_text_stays_what_it_is() -> None:
    content = [{"type": "text", "text": "hi"}, {"size": 2.0}]
    message = run("CreateMessage", role="user", content=content)["messages"]
    assert message == ('[{"role":"user","content":[{"type":"text","text":"hi"},{"size":2}]}]')


def test_lists_of_messages_are_joined_in_order() -> None:
    assert joined([HI, YES]) == BOTH


@pytest.mark.parametrize(
    "given",
    [
        [json.loads(HI), json.loads(YES)],
        [json.loads(HI)[0], json.loads(YES)[0]],
        [HI, None, "", " ", YES],
        [f" {HI}\n", json.loads(YES)],
        BOTH,
        json.loads(BOTH),
    ],
)
def test_lists_may_be_values_or_text_and_empty_ones_are_skipped(given: Any) -> None:
    assert joined(given) == BOTH


def test_nothing_to_join_is_an_empty_list() -> None:
    assert joined([]) == "[]"
    assert joined(None) == "[]"


@pytest.mark.parametrize("wrong", ["hello", "[", "5", '"text"', "[NaN]", 5, True])
def test_what_is_no_list_of_messages_is_an_error_that_names_it(wrong: Any) -> None:
    assert error_of("MergeMessages", message_inputs=[HI, wrong]).startswith("message_inputs[1]")


def test_a_history_has_the_pairs_that_have_content() -> None:
    history = run(
        "History",
        role1="user",
        content1="hi",
        role2="assistant",
        content2="",
        role3="assistant",
        content3="yes",
        role4="system",
    )
    assert history == {"history": BOTH}


def test_a_pair_without_a_role_is_the_users() -> None:
    assert run("History", content2="hi") == {"history": HI}


def test_an_empty_history_is_an_empty_list() -> None:
    assert run("History") == {"history": "[]"}


def test_histories_are_joined_in_the_order_of_their_inputs() -> None:
    assert run("MergeHistory", history3=YES, history1=HI) == {"history": BOTH}


def test_a_history_may_be_a_list_of_messages() -> None:
    assert run("MergeHistory", history1=json.loads(HI), history2="", history4=YES) == {
        "history": BOTH
    }


def test_a_history_that_cannot_be_read_is_an_error_that_names_it() -> None:
    assert error_of("MergeHistory", history1=HI, history2="oops").startswith("history2")
