"""``python -m tests.unit.cards.fuzz 20000``: cards that are broken in every way that fits.

Files of all shapes are changed where they have structure: lengths, checksums, kinds and the
order of chunks, what is packed, base64, JSON, and the records of archives. Each must give a
card, or be refused with a reason; what gives a card must be the same when it was written
and read again. The seed makes the same files each time.
"""

import argparse
import base64
import copy
import json
import random
import resource
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chalicelib import cards
from chalicelib.cards.charx import write_charx
from chalicelib.errors import InvalidInput, TooLarge, UnsupportedMediaType
from tests.cards import TEXT_KINDS, all_files, as_json, text_chunk, v1, v2, v3, with_chunks
from tests.unit.cards.archives import mutated_archive
from tests.unit.pictures.samples import chunk

MAX_SECONDS = 1.0
MAX_MEBIBYTES = 256
REFUSALS = (InvalidInput, TooLarge, UnsupportedMediaType)

_SIGNATURE = 8
_KINDS = (b"IHDR", b"IDAT", b"IEND", b"tEXt", b"zTXt", b"iTXt", b"acTL", b"a\0b1", b"prVt")
_NUMBERS = (0, 1, 2, 255, 65_535, 2**31 - 1, 2**31, 2**32 - 1)
_STRANGE: tuple[Any, ...] = (
    *(None, True, 0, -1, 1.5, 10**400, float("nan"), float("inf"), "", " ", "\ud800", "a, b"),
    *("\0", "x" * 10_000, [], [None], {}, {"": {}}, [[[]]], {"entries": {}}, "3.1", "1e9"),
)
_BREAKS = (b"\n", b"\r\n", b" ", b"=", b"-", b"_", b"*", b"\0", b"\xff", b"\xef\xbb\xbf")

Chance = random.Random
Change = Callable[[bytes, Chance], bytes]


@dataclass
class Report:
    """What a run found; ``failures`` say which file was not handled, and how."""

    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    slowest: float = 0.0


def run(count: int, *, seed: str = "cards") -> Report:
    """Change ``count`` files and look at each."""
    report = Report()
    for number in range(count):
        chance = random.Random(f"{seed} {number}")  # noqa: S311 (the same files each time)
        data = changed(chance)
        began = time.process_time()
        try:
            outcome = look_at(data)
        except Exception as error:  # noqa: BLE001 (finding them is what this is for)
            outcome = "failed"
            report.failures.append(f"{seed} {number}: {type(error).__name__}: {error}"[:300])
        seconds = time.process_time() - began
        if seconds > MAX_SECONDS:
            report.failures.append(f"{seed} {number}: {seconds:.2f} s")
        report.slowest = max(report.slowest, seconds)
        report.outcomes[outcome] += 1
    return report


def look_at(data: bytes) -> str:
    """Read a file, and what was written of it."""
    try:
        found = cards.read(data, stem="stem")
    except REFUSALS as error:
        return "refused" if error.message else "refused without a reason"
    assert found.kind in ("png", "json", "yaml", "charx", "byaf")
    for repair in found.repairs:
        str(repair).encode()
    if found.card is None:
        return "a picture alone"
    again = [cards.read(cards.write_json(found.card), stem="other")]
    if found.kind in ("charx", "byaf"):
        written = write_charx(found.card, found.picture, found.assets)
        packed = cards.read(written, stem="other")  # whose repairs tell of missing files again
        assert (packed.card, packed.picture) == (found.card, found.picture)
    if found.kind == "png":
        again.append(cards.read(cards.write_png(data, found.card), stem="other"))
    assert all((one.card, one.repairs) == (found.card, ()) for one in again)
    return "repaired" if found.repairs else "read"


def changed(chance: Chance) -> bytes:
    """A file of any shape with a few changes in it; one of five an archive or YAML."""
    if chance.random() < 0.2:
        return mutated_archive(chance.getrandbits(64))
    files = list(all_files().values())
    data = with_json_changed(chance) if chance.random() < 0.4 else chance.choice(files)
    for _ in range(chance.choice([0, 1, 1, 1, 2, 4])):
        is_png = data.startswith(files[0][:_SIGNATURE])
        data = chance.choice(_PNG_CHANGES if is_png else _CHANGES)(data, chance)
    return data


def with_json_changed(chance: Chance) -> bytes:
    """JSON, alone or in a picture, with strange values in places where others belong."""
    value = chance.choice([v1, v2, v3])()
    for _ in range(chance.randrange(1, 4)):
        change_value(value, chance)
    text = as_json(value)
    if chance.random() < 0.3:
        text = changed_text(text, chance)
    if chance.random() < 0.3:
        return text
    encoded = base64.b64encode(text)
    if chance.random() < 0.2:
        encoded = base64.urlsafe_b64encode(text).rstrip(b"=")
    keyword, kind = chance.choice(["chara", "ccv3", "Chara"]), chance.choice(TEXT_KINDS)
    return with_chunks(text_chunk(keyword, encoded, kind), before_pixels=chance.random() < 0.5)


def change_value(value: Any, chance: Chance) -> None:
    """Put something strange into an object or a list, or take something out of it."""
    inside = list(value.values() if isinstance(value, dict) else value)
    below = [item for item in inside if isinstance(item, (dict, list)) and item]
    if below and chance.random() < 0.7:
        change_value(chance.choice(below), chance)
        return
    key = chance.choice(list(value) if isinstance(value, dict) else range(len(value)))
    match chance.randrange(5):
        case 0:
            del value[key]
        case 1:
            value[key] = {"a": [value[key]]}
        case 2:
            value[key] = nested(chance.choice([3, 58, 66, 2_000]), value[key])
        case 3 if isinstance(value, dict):
            value[chance.choice(["entries", "data", "spec", "\udfff", "name"])] = copy.deepcopy(
                value[key]
            )
        case _:
            value[key] = copy.deepcopy(chance.choice(_STRANGE))


def nested(levels: int, value: Any) -> Any:
    """A value in lists in lists; more than Python writes as text for it to nest itself."""
    if levels > 100:
        return "[" * levels
    for _ in range(levels):
        value = [value]
    return value


def changed_text(text: bytes, chance: Chance) -> bytes:
    """JSON that is no longer quite JSON, or other JSON than it seems."""
    at = chance.randrange(len(text))
    match chance.randrange(7):
        case 0:
            return b"\xef\xbb\xbf" + text
        case 1:
            return text.replace(b'"name"', b'"description"')
        case 2:
            return text[:at]
        case 3:
            return text.replace(b": ", b": " + b"[" * chance.choice([70, 5_000]), 1)
        case 4:
            return text.replace(b"null", b"NaN").replace(b"2.5", b"-1e999")
        case 5:
            return text.decode("utf-8").encode(chance.choice(["utf-16", "utf-32", "cp037"]))
    return text[:at] + chance.randbytes(1) + text[at + 1 :]


def _length(data: bytes, chance: Chance) -> bytes:
    start, _end = _place(data, chance)
    number = chance.choice([*_NUMBERS, chance.randrange(len(data))])
    return data[:start] + number.to_bytes(4, "big") + data[start + 4 :]


def _checksum(data: bytes, chance: Chance) -> bytes:
    _start, end = _place(data, chance)
    return data[: end - 4] + chance.randbytes(4) + data[end:]


def _kind(data: bytes, chance: Chance) -> bytes:
    start, end = _place(data, chance)
    return data[:start] + chunk(chance.choice(_KINDS), data[start + 8 : end - 4]) + data[end:]


def _body(data: bytes, chance: Chance) -> bytes:
    """Other bytes in a chunk, whose checksum is right: what is packed or base64 is broken."""
    start, end = _place(data, chance)
    body = bytearray(data[start + 8 : end - 4])
    for _ in range(chance.choice([1, 1, 3, 20])):
        at = chance.randrange(len(body) + 1)
        body[at : at + chance.choice([0, 1, 1, 4])] = chance.choice(
            [chance.choice(_BREAKS), chance.randbytes(1)]
        )
    if chance.random() < 0.2:
        del body[chance.randrange(len(body) + 1) :]
    return data[:start] + chunk(data[start + 4 : start + 8], bytes(body)) + data[end:]


def _order(data: bytes, chance: Chance) -> bytes:
    """A chunk twice, elsewhere, or not at all."""
    start, end = _place(data, chance)
    moved, rest = data[start:end], data[:start] + data[end:]
    at, _end = _place(data, chance)
    match chance.randrange(3):
        case 0:
            return rest
        case 1:
            return data[:at] + moved + data[at:]
    return rest[:at] + moved + rest[at:]


def _bomb(data: bytes, chance: Chance) -> bytes:
    start, _end = _place(data, chance)
    keyword = chance.choice([b"ccv3", b"chara", b"Comment"])
    return data[:start] + chunk(b"zTXt", keyword + b"\0\0" + _zeros()) + data[start:]


def _size(data: bytes, chance: Chance) -> bytes:
    sides = chance.choice(_NUMBERS).to_bytes(4, "big") + chance.choice(_NUMBERS).to_bytes(4, "big")
    return data[:_SIGNATURE] + chunk(b"IHDR", sides + data[24:29]) + data[33:]


def _cut(data: bytes, chance: Chance) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _bytes(data: bytes, chance: Chance) -> bytes:
    """Any byte, checksum or not."""
    at = chance.randrange(len(data) + 1)
    return data[:at] + chance.randbytes(1) + data[at + 1 :]


def _more(data: bytes, chance: Chance) -> bytes:
    return data + chance.choice([b"PK\x05\x06" + bytes(18), chance.randbytes(40), b"\0", data])


def _front(data: bytes, chance: Chance) -> bytes:
    return chance.choice([b"\xef\xbb\xbf", b" \n", b"PK\x03\x04", b"\0", b"[", b"{"]) + data


_CHANGES: tuple[Change, ...] = (_cut, _bytes, _bytes, _more, _front)
_PNG_CHANGES: tuple[Change, ...] = (
    *(_length, _checksum, _kind, _body, _body, _body, _order, _order),
    *(_bomb, _size, *_CHANGES),
)


def _place(data: bytes, chance: Chance) -> tuple[int, int]:
    """Where a chunk begins and ends, of those that can still be found."""
    places: list[tuple[int, int]] = []
    at = _SIGNATURE
    while at + 12 <= len(data) and len(places) < 200:
        end = at + 12 + int.from_bytes(data[at : at + 4], "big")
        if end > len(data):
            break
        places.append((at, end))
        at = end
    return chance.choice(places) if places else (0, len(data))


_PACKED: dict[str, bytes] = {}


def _zeros() -> bytes:
    if "zeros" not in _PACKED:
        _PACKED["zeros"] = zlib.compress(bytes(40 * 1024 * 1024), 9)
    return _PACKED["zeros"]


def peak_mebibytes() -> int:
    """The most memory that this process had at once.

    Not by ``getrusage``: on Linux its number begins with that of who started the process.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 // 1024


def main() -> int:
    """Run, print what was found, and say with the exit code whether all was handled."""
    parser = argparse.ArgumentParser(prog="python -m tests.unit.cards.fuzz", description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--seed", default="cards")
    options = parser.parse_args()
    began = time.perf_counter()
    report = run(options.count, seed=options.seed)
    found: Mapping[str, Any] = {
        "files": options.count,
        "outcomes": dict(report.outcomes),
        "failures": report.failures[:20],
        "slowestSeconds": round(report.slowest, 3),
        "peakMebibytes": peak_mebibytes(),
        "seconds": round(time.perf_counter() - began, 1),
    }
    print(json.dumps(found, indent=2))  # noqa: T201
    return 1 if report.failures or peak_mebibytes() > MAX_MEBIBYTES else 0


if __name__ == "__main__":
    sys.exit(main())
