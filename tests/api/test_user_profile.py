"""Names of users, and whose picture is whose: in the open mode and with accounts."""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib import container
from tests.api.hostile import assert_error
from tests.api.people import bearer, register
from tests.api.pictures import AVATAR, form, part, picture_form, set_picture, stored
from tests.api.product import Tavern
from tests.aws_calls import counted_aws_calls
from tests.unit.pictures.samples import png

ONE, TWO = png(pixels=b"\0\1"), png(pixels=b"\0\2")
NAME = "/api/users/me/username"
COUNT = "dynamodb.UpdateItem"  # how many were sent in this hour
GET_ROW, PUT_ROW = "dynamodb.GetItem", "dynamodb.PutItem"


def test_the_profile_takes_another_name(either_tavern: Tavern) -> None:
    answer = either_tavern.ask("PUT", "/api/users/me/username", json={"username": " Ada "})
    assert answer.status == 200
    assert {**answer.json(), "message": "m"} == {"success": True, "message": "m", "username": "Ada"}
    user = either_tavern.ask("GET", "/api/auth/current").json()["currentUser"]
    assert (user["username"], user["isAdmin"]) == ("Ada", True)


def test_name_and_picture_do_not_undo_each_other(tavern: Tavern) -> None:
    url = set_picture(tavern, ONE)
    tavern.ask("PUT", "/api/users/me/username", json={"username": "Ada"})
    set_picture(tavern, ONE)
    user = tavern.ask("GET", "/api/auth/current").json()["currentUser"]
    assert (user["username"], user["avatarUrl"]) == ("Ada", url)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"username": ""},
        {"username": "  "},
        {"username": "a" * 51},
        {"username": "a\nb"},
        {"username": "a\u202eb"},
        {"username": 1},
        {"username": None},
        [],
    ],
)
def test_what_is_no_name_is_refused(tavern: Tavern, body: Any) -> None:
    answer = tavern.ask("PUT", "/api/users/me/username", json=body)
    assert answer.status == 400
    assert_error(answer.json())


def test_a_name_makes_nobody_anything_else(tavern: Tavern) -> None:
    body = {"username": "Ada", "isAdmin": False, "uid": "bob", "avatar": {"name": "x"}}
    assert tavern.ask("PUT", "/api/users/me/username", json=body).status == 200
    user = tavern.ask("GET", "/api/auth/current").json()["currentUser"]
    assert (user["uid"], user["isAdmin"]) == ("default_user", True)
    assert "avatarUrl" not in user


@pytest.fixture
def people(
    either_tavern: Tavern, monkeypatch: pytest.MonkeyPatch
) -> tuple[Tavern, dict[str, str], dict[str, str]]:
    """Ada and Bob, each with what their requests carry."""
    monkeypatch.setenv("TAVERN_MODE", "MultiUser")
    monkeypatch.setenv("TAVERN_REGISTRATION", "open")
    either_tavern.start_anew()
    code = container.invites().create(admin=True)
    ada = bearer(register(either_tavern, "Ada", inviteCode=code))
    return either_tavern, ada, bearer(register(either_tavern, "Bob"))


def test_an_account_takes_another_name_unless_somebody_has_it(
    people: tuple[Tavern, dict[str, str], dict[str, str]],
) -> None:
    tavern, ada, bob = people
    assert tavern.ask("PUT", NAME, json={"username": "Carl"}, headers=bob).status == 200
    taken = tavern.ask("PUT", NAME, json={"username": "ADA"}, headers=bob)
    assert taken.status == 409
    assert_error(taken.json())
    assert tavern.ask("PUT", NAME, json={"username": "ada"}, headers=ada).status == 200
    assert tavern.ask("PUT", NAME, json={"username": "Bob"}, headers=ada).status == 200


def test_everybody_has_a_picture_of_his_own(
    people: tuple[Tavern, dict[str, str], dict[str, str]],
) -> None:
    tavern, ada, bob = people
    hers, his = (set_picture(tavern, ONE, **who) for who in (ada, bob))
    assert hers != his
    set_picture(tavern, TWO, **ada)
    assert tavern.ask("GET", hers, headers=bob).status == 404
    assert tavern.ask("GET", his, headers=ada).status == 200
    assert len(stored()) == 2


def test_whoever_is_nobody_sets_and_sees_nothing(
    people: tuple[Tavern, dict[str, str], dict[str, str]],
) -> None:
    tavern, ada, _ = people
    url = set_picture(tavern, ONE, **ada)
    offer = {"size": 10, "mediaType": "image/png"}
    assert tavern.ask("GET", url).status == 401
    assert tavern.ask("POST", AVATAR, **picture_form(TWO)).status == 401
    assert tavern.ask("POST", f"{AVATAR}/upload", json=offer).status == 401
    assert tavern.ask("PUT", NAME, json={"username": "Eve"}).status == 401
    assert tavern.ask("GET", url, headers=ada).status == 200


def test_a_refused_sight_of_a_picture_is_kept_by_nobody(
    people: tuple[Tavern, dict[str, str], dict[str, str]],
) -> None:
    tavern, ada, _ = people
    refused = tavern.ask("GET", set_picture(tavern, ONE, **ada))
    assert (refused.status, refused.headers["cache-control"]) == (401, "no-store")


def test_what_was_offered_is_sent_without_a_token_and_taken_over_by_its_owner_alone(
    people: tuple[Tavern, dict[str, str], dict[str, str]],
) -> None:
    tavern, ada, bob = people
    announced = {"size": len(ONE), "mediaType": "image/png"}
    offer = tavern.ask("POST", f"{AVATAR}/upload", json=announced, headers=ada).json()
    if offer["url"].startswith("/"):
        assert tavern.ask("POST", offer["url"], **form(part("file", ONE))).status == 204
    else:
        container.documents().put(offer["fields"]["key"], ONE)
    take = f"{AVATAR}/upload/{offer['uploadId']}"
    assert tavern.ask("POST", take, headers=bob).status == 404
    assert tavern.ask("POST", take, headers=ada).status == 200


@pytest.fixture
def calls(aws_tavern: Tavern) -> Iterator[list[str]]:
    """The calls made since."""
    set_picture(aws_tavern, ONE)
    with counted_aws_calls() as counted:
        yield counted


def test_to_show_a_picture_is_one_call(aws_tavern: Tavern, calls: list[str]) -> None:
    url = str(aws_tavern.ask("GET", "/api/auth/current").json()["currentUser"]["avatarUrl"])
    calls.clear()
    assert aws_tavern.ask("GET", url).status == 200
    assert calls == ["s3.GetObject"]


def test_to_set_a_picture_is_four_calls_and_two_to_remove_the_old_one(
    aws_tavern: Tavern, calls: list[str]
) -> None:
    set_picture(aws_tavern, TWO)
    removal = ["s3.ListObjectVersions", "s3.DeleteObjects"]
    assert calls == [COUNT, GET_ROW, "s3.PutObject", PUT_ROW, *removal]


def test_to_set_the_same_picture_again_is_two_calls(aws_tavern: Tavern, calls: list[str]) -> None:
    set_picture(aws_tavern, ONE)
    assert calls == [COUNT, GET_ROW]


def test_to_offer_an_upload_is_two_calls_and_to_take_it_over_is_few(
    aws_tavern: Tavern, calls: list[str]
) -> None:
    offer = {"size": len(TWO), "mediaType": "image/png"}
    made = aws_tavern.ask("POST", f"{AVATAR}/upload", json=offer)
    assert made.status == 201
    assert calls == [GET_ROW, PUT_ROW]
    container.documents().put(made.json()["fields"]["key"], TWO)
    calls.clear()
    take = f"{AVATAR}/upload/{made.json()['uploadId']}"
    assert aws_tavern.ask("POST", take).status == 200
    removal = ["s3.ListObjectVersions", "s3.DeleteObjects"]
    picture = [COUNT, GET_ROW, "s3.PutObject", PUT_ROW, *removal]
    assert calls == [GET_ROW, "s3.GetObject", *picture, GET_ROW, *removal, PUT_ROW]


def test_another_name_is_two_calls(aws_tavern: Tavern, calls: list[str]) -> None:
    assert aws_tavern.ask("PUT", NAME, json={"username": "Ada"}).status == 200
    assert calls == [GET_ROW, "dynamodb.TransactWriteItems"]  # the name, and that it was changed
