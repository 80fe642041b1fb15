"""Market rules and margin brackets as last fetched, used until an exchange is connected."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Final

from signalbot.domain.market import BracketUnit, Instrument, MarginBracket
from signalbot.domain.money import text
from signalbot.domain.timeframe import Ms
from signalbot.ledger.codec import Codec, upsert
from signalbot.ledger.database import Database

_INSTRUMENTS: Final = Codec(Instrument, omit=("brackets", "bracket_unit", "fees"))
_UPSERT_INSTRUMENT: Final = upsert(
    "instruments", ("exchange", *_INSTRUMENTS.columns), key="exchange, symbol"
)
_SELECT_INSTRUMENTS: Final = "SELECT * FROM instruments WHERE exchange = ?"
_UPSERT: Final = upsert(
    "margin_brackets",
    ("exchange", "symbol", "unit", "brackets", "told_at_ms"),
    key="exchange, symbol",
)
_SELECT: Final = "SELECT * FROM margin_brackets WHERE exchange = ?"


class Instruments:
    """Stores the market rules of one exchange."""

    def __init__(self, database: Database, exchange: str) -> None:
        self._database = database
        self._exchange = exchange

    async def load(self) -> Mapping[str, Instrument]:
        """All stored instruments, by symbol."""
        rows = await self._database.query(_SELECT_INSTRUMENTS, (self._exchange,))
        return {row["symbol"]: _INSTRUMENTS.decode(row) for row in rows}

    def save(self, instrument: Instrument) -> None:
        """Store an instrument with the next commit."""
        values = (self._exchange, *_INSTRUMENTS.encode(instrument))
        self._database.write_later(lambda c: c.execute(_UPSERT_INSTRUMENT, values))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredBrackets:
    """The brackets of one market, and when they were fetched."""

    unit: BracketUnit
    brackets: tuple[MarginBracket, ...]
    fetched_at_ms: Ms


class MarginBracketStore:
    """Stores the brackets of one exchange."""

    def __init__(self, database: Database, exchange: str) -> None:
        self._database = database
        self._exchange = exchange

    async def load(self) -> dict[str, StoredBrackets]:
        """All stored brackets, by symbol."""
        rows = await self._database.query(_SELECT, (self._exchange,))
        return {row["symbol"]: _decode(row) for row in rows}

    def save_later(self, by_symbol: Mapping[str, StoredBrackets]) -> None:
        """Store brackets, by symbol, with the next commit."""
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
    raise TypeError(f"a {type(value).__name__} does not belong in a bracket")


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
