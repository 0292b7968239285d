"""What a client is told about a body that does not fit."""

from typing import Literal

import pytest
from pydantic import BaseModel, Field

from chalicelib.errors import InvalidInput
from chalicelib.schemas.parsing import MAX_FIELDS, Items, parse


class Cat(BaseModel):
    """A kind of pet."""

    kind: Literal["cat"]
    lives: int = Field(strict=True)


class Dog(BaseModel):
    """Another."""

    kind: Literal["dog"]


class Owner(BaseModel):
    """Somebody with pets."""

    name: str
    pets: Items[Cat] = []
    favourite: Cat | Dog | None = Field(default=None, discriminator="kind")
    ages: dict[str, int] = {}


def details(data: object) -> dict[str, list[str]]:
    with pytest.raises(InvalidInput) as refusal:
        parse(Owner, data)
    return refusal.value.details


def test_what_fits_becomes_the_model() -> None:
    assert parse(Owner, {"name": "Ada"}) == Owner(name="Ada")


@pytest.mark.parametrize("data", [None, [], "x", 5, True])
def test_a_body_that_is_no_object_is_refused(data: object) -> None:
    assert details(data) == {"Body": ["an object is expected"]}


def test_every_wrong_field_is_named_by_its_path() -> None:
    found = details({"pets": [{"kind": "cat", "lives": "nine"}]})
    assert found == {
        "name": ["Field required"],
        "pets.0.lives": ["Input should be a valid integer"],
    }


def test_what_was_sent_is_not_repeated() -> None:
    data = {"name": ["<secret>"], "favourite": {"kind": "<secret>"}, "pets": "<secret>"}
    assert "secret" not in str(details(data))


def test_a_list_is_checked_up_to_its_first_wrong_item() -> None:
    assert list(details({"name": "Ada", "pets": [5] * 1_000_000})) == ["pets.0"]


def test_there_are_only_so_many_fields() -> None:
    ages = {f"pet {number}": "x" for number in range(MAX_FIELDS * 2)}
    assert len(details({"name": "Ada", "ages": ages})) == MAX_FIELDS


def test_too_many_wrong_values_are_only_counted() -> None:
    found = details({"name": "Ada", "ages": dict.fromkeys(map(str, range(5000)), "x")})
    assert found == {"Body": ["5000 values are not as expected"]}


def test_long_field_names_are_cut() -> None:
    (field,) = details({"name": "Ada", "ages": {"x" * 10_000: "x"}})
    assert len(field) < 100
