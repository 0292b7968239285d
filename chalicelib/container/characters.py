"""Characters."""

from typing import TYPE_CHECKING

from chalicelib.container.identity import limits
from chalicelib.container.parts import clock, part, settings
from chalicelib.container.stores import accounts, documents, index
from chalicelib.container.uploads import offered_uploads

if TYPE_CHECKING:
    from chalicelib.services.characters.characters import Characters
    from chalicelib.services.characters.exports import CharacterExports
    from chalicelib.services.characters.images import CharacterImages
    from chalicelib.services.characters.listing import CharacterList
    from chalicelib.services.characters.uploads import CharacterUploads
    from chalicelib.services.large_answers import LargeAnswers
    from chalicelib.services.library.shelf import Shelf
    from chalicelib.services.library.shelf_repair import ShelfRepair
    from chalicelib.services.ready_texts import ReadyTexts

# A request to a function has 6 MB as base64; that of one machine's front 10.
_DEPLOYED_BYTES = 4 * 1024 * 1024
_LOCAL_BYTES = 9 * 1024 * 1024


@part
def character_shelf() -> "Shelf":
    """Where characters are kept."""
    from chalicelib.services.characters.rows import CharacterKind
    from chalicelib.services.library.shelf import Shelf

    return Shelf(CharacterKind(index()), documents(), index(), clock(), limits().storage())


@part
def characters() -> "Characters":
    """Characters, one at a time."""
    from chalicelib.services.characters.characters import Characters
    from chalicelib.services.characters.rows import CharacterKind

    return Characters(character_shelf(), CharacterKind(index()))


@part
def character_list() -> "CharacterList":
    """Lists of characters."""
    from chalicelib.services.characters.listing import CharacterList

    return CharacterList(character_shelf())


@part
def ready_texts() -> "ReadyTexts":
    """Answers with whole lists."""
    from chalicelib.services.ready_texts import ReadyTexts

    return ReadyTexts()


@part
def character_images() -> "CharacterImages":
    """Their pictures."""
    from chalicelib.services.characters.images import CharacterImages

    return CharacterImages(character_shelf())


@part
def character_exports() -> "CharacterExports":
    """Characters as files."""
    from chalicelib.services.characters.exports import CharacterExports

    return CharacterExports(character_shelf())


@part
def character_uploads() -> "CharacterUploads":
    """The way of card files that are too large for a request."""
    from chalicelib.services.characters.uploads import CharacterUploads

    most = _DEPLOYED_BYTES if settings().is_deployed else _LOCAL_BYTES
    return CharacterUploads(offered_uploads(), characters(), index(), clock(), most)


@part
def character_repair() -> "ShelfRepair":
    """What rebuilds the lists of characters."""
    from chalicelib.services.library.shelf_repair import ShelfRepair

    return ShelfRepair(character_shelf())


@part
def large_answers() -> "LargeAnswers":
    """What does not fit an answer."""
    from chalicelib.services.large_answers import LargeAnswers

    if not settings().is_deployed:
        return LargeAnswers(documents(), None, accounts(), clock())
    from chalicelib.adapters.aws.downloads import S3Downloads

    return LargeAnswers(documents(), S3Downloads(settings().bucket), accounts(), clock())
