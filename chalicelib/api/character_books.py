"""Group 2: the lorebooks inside of characters."""

from chalicelib import container
from chalicelib.api.groups import Group
from chalicelib.api.http import Call, Reply

group = Group(__name__, success_flag=True)
_BOOK = "/api/characters/{character_id}/lorebook"


@group.get(_BOOK)
def book(call: Call, character_id: str) -> Reply:
    """The lorebook in a character's card, and which one it was copied from."""
    item, found = container.character_books().find(call.uid, character_id)
    headers = {"ETag": f'"{item.etag}"'}
    if call.knows(item.etag):
        return Reply(None, 304, headers)
    return Reply({"success": True, "data": found}, headers=headers)


@group.put(_BOOK)
def attach(call: Call, character_id: str) -> Reply:
    """Copy a lorebook into a character's card."""
    body, condition = call.json(), call.if_match()
    kept = container.character_books().attach(call.uid, character_id, body, condition)
    return Reply({"success": True, "data": kept.view()}, headers={"ETag": f'"{kept.item.etag}"'})


@group.delete(_BOOK)
def take_out(call: Call, character_id: str) -> Reply:
    """Take the lorebook out of a character's card."""
    kept = container.character_books().take_out(call.uid, character_id, call.if_match())
    return Reply(None, 204, {"ETag": f'"{kept.item.etag}"'})
