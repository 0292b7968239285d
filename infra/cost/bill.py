"""Dollars for what was used, by AWS's list prices."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra.cost.usage import Usage

_PRICES = Path(__file__).with_name("prices.json")
# Meters that explain, and that nobody bills: they end up in the tables only.
_UNBILLED = ("seconds.", "invocations.", "rows.", "reads.", "stored.", "socket.posts")


@dataclass(frozen=True, slots=True)
class Price:
    """``dollars`` for ``per`` of a meter. ``unsure`` says what AWS's pages leave open."""

    meter: str
    service: str
    dollars: float
    per: float
    unit: str
    source: str
    note: str = ""
    unsure: str = ""


@dataclass(frozen=True, slots=True)
class Prices:
    """The list of one region, as known in a year; without the free tier and discounts."""

    region: str
    known: str
    by_meter: Mapping[str, Price]

    @classmethod
    def read(cls) -> "Prices":
        """From ``prices.json``."""
        content = json.loads(_PRICES.read_text())
        prices = [Price(**entry) for entry in content["prices"]]
        return cls(content["region"], content["known"], {price.meter: price for price in prices})

    def services(self) -> list[str]:
        """The lines of a bill, in the order of the list."""
        return list(dict.fromkeys(price.service for price in self.by_meter.values()))

    def bill(self, usage: Usage) -> dict[str, float]:
        """Dollars by service. ``KeyError`` for a meter without a price."""
        lines: dict[str, float] = {}
        for meter, amount in usage.items():
            if not meter.startswith(_UNBILLED):
                price = self.by_meter[meter]
                dollars = amount / price.per * price.dollars
                lines[price.service] = lines.get(price.service, 0.0) + dollars
        return lines

    def total(self, usage: Usage) -> float:
        """All of it in dollars."""
        return sum(self.bill(usage).values())
