"""What a file of strangers may cost. All of it is checked before the memory is spent."""

MAX_FILE_BYTES = 32 * 1024 * 1024
MAX_CHUNK_TEXT = 16 * 1024 * 1024
"""Bytes that a packed text of a PNG may unpack to."""

MAX_TOTAL_TEXT = 32 * 1024 * 1024
"""Bytes that all packed texts of a PNG together may unpack to."""

MAX_TEXT_RATIO = 400
"""How many times larger than in a PNG a packed text may be, once it is over ``SMALL_TEXT``.

Deflate ends at 1,030. Ten thousand entries of lore that are all the same come to 183, those
that differ in their number to 56, so no card that somebody wrote is refused.
"""

SMALL_TEXT = 64 * 1024

MAX_CARD_INFLATED = 48 * 1024 * 1024
"""Bytes that all files of one character's archive may have when they are unpacked."""

MAX_TOTAL_YAML = 256 * 1024
"""Bytes of YAML in files that come together; one may have ``yaml_card.MAX_BYTES``."""

MAX_PIXELS = 40_000_000
MAX_CHUNKS = 20_000
MAX_JSON_DEPTH = 64
MAX_JSON_PARTS = 1_000_000
"""Brackets, commas and strings of a JSON text: each costs up to 100 bytes in memory."""

MAX_JSON_MEMORY = 80 * 1024 * 1024
"""Bytes that a JSON text has in memory, where one emoji makes all characters four wide."""

MAX_ITEMS = 20_000
"""Entries of a lorebook, and items of a list that has to be repaired."""
