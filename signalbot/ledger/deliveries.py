"""Tells whether an alert is literally the one that came last in its market, come once more."""

import sqlite3
from dataclasses import dataclass

from signalbot.domain.timeframe import Ms
from signalbot.ledger.base import Database
from signalbot.ledger.sql import queries

_SQL = queries("deliveries")

REPEAT_MS = 60_000
"""An alert without id or time is a repeat only so soon after an equal one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One alert as it came in: its content, and its place."""

    strategy: str
    symbol: str
    digest: str  #: of its whole content
    is_named: bool  #: it has an id or a time
    signals: int  #: that it may lead to, at most


@dataclass(frozen=True, slots=True)
class Place:
    """Where a delivery stands among the signals of its market."""

    number: int  #: signals of the market before it; the same for a repeat
    is_repeat: bool


class Deliveries:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, delivery: Delivery, now_ms: Ms) -> Place:
        """The place of a delivery; durable when this returns."""
        return await self._database.write(lambda c: _take(c, delivery, now_ms))

    async def made(self, delivery: Delivery, signals: int) -> None:
        """Note how many signals a delivery has led to, if it is still the last of its market."""
        values = {
            "strategy": delivery.strategy,
            "symbol": delivery.symbol,
            "digest": delivery.digest,
            "signals_made": signals,
        }
        await self._database.write(lambda c: c.execute(_SQL["correct_delivery"], values))

    async def look(self, delivery: Delivery, now_ms: Ms) -> Place:
        """The place it would have; nothing is changed."""
        return await self._database.read(lambda c: _place(c, delivery, now_ms))


def _place(connection: sqlite3.Connection, delivery: Delivery, now_ms: Ms) -> Place:
    market = (delivery.strategy, delivery.symbol)
    row = connection.execute(_SQL["signal_count"], market).fetchone()
    count = 0 if row is None else int(row["signals"])
    last = connection.execute(_SQL["last_delivery"], market).fetchone()
    if last is None or last["digest"] != delivery.digest:
        return Place(count, is_repeat=False)
    is_next = count <= last["signals_before"] + last["signals_made"]
    is_soon = delivery.is_named or now_ms - last["at_ms"] < REPEAT_MS
    if is_next and is_soon:
        return Place(last["signals_before"], is_repeat=True)
    return Place(count, is_repeat=False)


def _take(connection: sqlite3.Connection, delivery: Delivery, now_ms: Ms) -> Place:
    place = _place(connection, delivery, now_ms)
    if not place.is_repeat:
        values = {
            "strategy": delivery.strategy,
            "symbol": delivery.symbol,
            "digest": delivery.digest,
            "signals_before": place.number,
            "signals_made": delivery.signals,
            "at_ms": now_ms,
        }
        connection.execute(_SQL["put_delivery"], values)
    return place
