"""What does not fit an answer: how much of it is made, and how it comes."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.adapters.embedded.index import EmbeddedIndex
from chalicelib.errors import TooManyRequests
from chalicelib.services.large_answers import MADE_AN_HOUR, MADE_BYTES_AN_HOUR, LargeAnswers
from tests.clock import ManualClock

ZIP = "application/zip"


class Links:
    """Downloads that tell what they were asked for."""

    def link(self, key: str, *, media_type: str, name: str | None, seconds: int) -> str:
        """The key, the type and the name."""
        return f"{key} {media_type} {name}"


class Endless(bytes):
    """A byte that says it is more than may be made in an hour."""

    def __len__(self) -> int:
        return MADE_BYTES_AN_HOUR + 1


@pytest.fixture
def answers() -> Iterator[LargeAnswers]:
    """Answers of up to ten bytes."""
    clock = ManualClock()
    with closing(Database(None)) as database:
        documents = EmbeddedDocuments(database, clock)
        accounts = EmbeddedIndex(database, clock, "account_entries")
        yield LargeAnswers(documents, Links(), accounts, clock, limit=10)


def test_the_same_export_is_one_object_however_often_it_is_asked_for(answers: LargeAnswers) -> None:
    links = {answers.keep("ada", b"x" * 11, ZIP, f"{number}.charx") for number in range(3)}
    assert len(links) == 3
    assert len([*answers.documents.history("uploads/ada/")]) == 1
    answers.keep("ada", b"y" * 11, ZIP, "y.charx")
    answers.keep("eve", b"x" * 11, ZIP, "x.charx")
    assert len([*answers.documents.history("uploads/")]) == 3


def test_a_user_makes_so_much_in_an_hour_and_then_again_in_the_next(answers: LargeAnswers) -> None:
    for _ in range(MADE_AN_HOUR):
        answers.keep("ada", b"x" * 11, ZIP, "x.charx")
    with pytest.raises(TooManyRequests) as refused:
        answers.keep("ada", b"y" * 11, ZIP, "y.charx")
    assert len([*answers.documents.history("uploads/ada/")]) == 1
    assert answers.keep("ada", b"small", ZIP, "x.charx") is None
    with pytest.raises(TooManyRequests):
        answers.keep("eve", Endless(b"x"), ZIP, "x.charx")
    assert isinstance(answers.clock, ManualClock)
    answers.clock.advance(refused.value.retry_after)
    assert answers.keep("ada", b"y" * 11, ZIP, "y.charx") is not None


def test_what_was_made_counts_to_the_end_of_its_hour(answers: LargeAnswers) -> None:
    assert isinstance(answers.clock, ManualClock)
    answers.clock.advance(-answers.clock.now() % 3600)
    for _ in range(MADE_AN_HOUR):
        answers.keep("ada", b"x" * 11, ZIP, "x.charx")
    answers.clock.advance(3599)
    answers.accounts.expire(answers.clock.now())
    with pytest.raises(TooManyRequests) as refused:
        answers.keep("ada", b"x" * 11, ZIP, "x.charx")
    assert refused.value.retry_after == 1
    answers.clock.advance(1)
    assert answers.keep("ada", b"x" * 11, ZIP, "x.charx") is not None


def test_a_link_shows_pictures_and_lets_everything_else_be_kept(answers: LargeAnswers) -> None:
    """The store's answer has no nosniff and no policy that would make a page harmless."""
    assert answers.link("a", 11, "image/webp") == "a image/webp None"
    for other in ("text/html", "image/svg+xml", "application/json", ZIP):
        assert answers.link("a", 11, other) == f"a {other} file"
    assert str(answers.keep("ada", b"<script></script>", "text/html", "x")).endswith(" x")
