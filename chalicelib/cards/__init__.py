"""Character cards: every shape that people have in, PNG and JSON out.

Pure functions over bytes; ``docs/decisions/0022-cards.md`` says why they are as they are.

    read(data, stem="Ada")      -> Read: the card, and what had to be repaired
    interpret(value, ...)       -> Read: the same of an object that is parsed already
    write_png(picture, card)    -> the picture with the card in it
    write_json(card)            -> JSON of version 3, or of version 2
"""

from chalicelib.cards.budget import Budget
from chalicelib.cards.card import BrokenCard, Card, Kind, Read, Repair
from chalicelib.cards.json_card import write_json
from chalicelib.cards.png import write_png
from chalicelib.cards.reading import read
from chalicelib.cards.shapes import interpret

__all__ = [
    "BrokenCard",
    "Budget",
    "Card",
    "Kind",
    "Read",
    "Repair",
    "interpret",
    "read",
    "write_json",
    "write_png",
]
