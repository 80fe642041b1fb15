"""Stores funding payments of live positions, each once, and adds them to the positions."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from signalbot.domain.funding import FundingPayment
from signalbot.domain.money import ZERO, text
from signalbot.domain.positions import Position
from signalbot.domain.signals import PositionId
from signalbot.domain.timeframe import Ms
from signalbot.ledger.booking import POSITIONS
from signalbot.ledger.codec import upsert
from signalbot.ledger.database import Database
from signalbot.ledger.sql import queries

_SQL = queries("funding")
_UPSERT_POSITION = upsert("positions", POSITIONS.columns, key="position_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingDue:
    """A position that may have funding payments that are not booked yet."""

    position: Position
    covered_ms: Ms  #: payments up to then are booked


class FundingStore:
    """Books payments, and tracks which positions may have more."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due(self, exchange: str, before_ms: Ms) -> Sequence[FundingDue]:
        """Positions with payments booked up to an instant before ``before_ms``."""
        rows = await self._database.query(_SQL["due"], (exchange, before_ms))
        return [
            FundingDue(position=POSITIONS.decode(row), covered_ms=Ms(row["covered_ms"]))
            for row in rows
        ]

    async def book(
        self, position: Position, payments: Iterable[FundingPayment], *, covered_ms: Ms
    ) -> Position:
        """Add new payments to ``position``; the caller holds the symbol's lock."""
        owned = list(payments)
        return await self._database.write(lambda c: _book(c, position, owned, covered_ms))

    async def mark_covered(self, position_id: PositionId, until_ms: Ms) -> None:
        """Record that a position's payments are booked up to then."""
        await self._database.write(lambda c: c.execute(_SQL["cover"], (until_ms, position_id)))

    async def end(self, position_id: PositionId) -> None:
        """Record that a closed position has no further payments."""
        await self._database.write(lambda c: c.execute(_SQL["end"], (position_id,)))


def _book(
    connection: sqlite3.Connection,
    position: Position,
    payments: Iterable[FundingPayment],
    covered_ms: Ms,
) -> Position:
    total = sum((each.amount for each in payments if _is_new(connection, position, each)), ZERO)
    connection.execute(_SQL["cover"], (covered_ms, position.position_id))
    if total == ZERO:
        return position
    paid = position.add_funding(total)
    connection.execute(_UPSERT_POSITION, POSITIONS.encode(paid))
    return paid


def _is_new(connection: sqlite3.Connection, position: Position, payment: FundingPayment) -> bool:
    row = (
        position.exchange, position.user_id, payment.symbol, payment.payment_id,
        position.position_id, text(payment.amount), payment.paid_at_ms,
    )  # fmt: skip
    return connection.execute(_SQL["put"], row).fetchone() is not None
