"""Maintenance margins that exchanges have told: the first entry after a start knows them."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Final

from signalbot.domain.market import BracketUnit, MarginBracket
from signalbot.domain.money import text
from signalbot.domain.timeframe import Ms
from signalbot.ledger.codec import upsert
from signalbot.ledger.database import Database

_UPSERT: Final = upsert(
    "margin_brackets",
    ("exchange", "symbol", "unit", "brackets", "told_at_ms"),
    key="exchange, symbol",
)
_SELECT: Final = "SELECT * FROM margin_brackets WHERE exchange = ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBrackets:
    """The brackets of one market, and when the exchange told them."""

    unit: BracketUnit
    brackets: tuple[MarginBracket, ...]
    fetched_at_ms: Ms


class MarginBracketStore:
    """The part of the ledger that remembers one exchange's brackets."""

    def __init__(self, database: Database, exchange: str) -> None:
        self._database = database
        self._exchange = exchange

    async def load(self) -> dict[str, StoredBrackets]:
        """All that were ever told, by symbol."""
        rows = await self._database.query(_SELECT, (self._exchange,))
        return {row["symbol"]: _decode(row) for row in rows}

    def save_later(self, by_symbol: Mapping[str, StoredBrackets]) -> None:
        """Keep what was told, by symbol, with the next commit."""
        rows = [
            (self._exchange, symbol, each.unit, _encode(each.brackets), each.fetched_at_ms)
            for symbol, each in by_symbol.items()
        ]
        if rows:
            self._database.write_later(lambda c: c.executemany(_UPSERT, rows))


def _encode(brackets: tuple[MarginBracket, ...]) -> str:
    return json.dumps([asdict(each) for each in brackets], default=_plain, separators=(",", ":"))


def _plain(value: object) -> str:
    if isinstance(value, Decimal):
        return text(value)
    raise TypeError(f"a {type(value).__name__} is no part of a bracket")


def _decode(row: sqlite3.Row) -> StoredBrackets:
    return StoredBrackets(
        unit=BracketUnit(row["unit"]),
        brackets=tuple(
            MarginBracket(
                least=Decimal(each["least"]),
                rate=Decimal(each["rate"]),
                deduction=Decimal(each["deduction"]),
                leverage=each["leverage"],
            )
            for each in json.loads(row["brackets"])
        ),
        fetched_at_ms=Ms(row["told_at_ms"]),
    )
