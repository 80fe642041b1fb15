"""Detects alerts that repeat the last alert of their market."""

import sqlite3
from dataclasses import dataclass

from signalbot.domain.timeframe import Ms
from signalbot.ledger.base import Database
from signalbot.ledger.sql import queries

_SQL = queries("alert_deliveries")

REPEAT_WINDOW_MS = 60_000
"""Within this time an equal alert without id or time counts as a repeat."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDelivery:
    """One received alert: its content, and its market."""

    strategy: str
    symbol: str
    digest: str  #: SHA-256 of its content
    is_named: bool  #: whether it has an id or a time
    signals: int  #: the most signals that it may create


@dataclass(frozen=True, slots=True)
class DeliverySequence:
    """A delivery's rank among the signals of its market."""

    number: int  #: number of earlier signals of the market; the same for a repeat
    is_repeat: bool


class AlertDeliveries:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, delivery: AlertDelivery, now_ms: Ms) -> DeliverySequence:
        """Store a delivery and return its rank; durable on return."""
        return await self._database.write(lambda c: _record(c, delivery, now_ms))

    async def correct_signal_count(self, delivery: AlertDelivery, signals: int) -> None:
        """Store the number of signals from a delivery, if it is still its market's last."""
        values = {
            "strategy": delivery.strategy,
            "symbol": delivery.symbol,
            "digest": delivery.digest,
            "signals_made": signals,
        }
        await self._database.write(lambda c: c.execute(_SQL["correct_delivery"], values))

    async def peek(self, delivery: AlertDelivery, now_ms: Ms) -> DeliverySequence:
        """Return the rank of a delivery without storing it."""
        return await self._database.read(lambda c: _sequence_of(c, delivery, now_ms))


def _sequence_of(
    connection: sqlite3.Connection, delivery: AlertDelivery, now_ms: Ms
) -> DeliverySequence:
    market = (delivery.strategy, delivery.symbol)
    row = connection.execute(_SQL["signal_count"], market).fetchone()
    count = 0 if row is None else int(row["signals"])
    last = connection.execute(_SQL["last_delivery"], market).fetchone()
    if last is None or last["digest"] != delivery.digest:
        return DeliverySequence(count, is_repeat=False)
    is_next = count <= last["signals_before"] + last["signals_made"]
    is_soon = delivery.is_named or now_ms - last["at_ms"] < REPEAT_WINDOW_MS
    if is_next and is_soon:
        return DeliverySequence(last["signals_before"], is_repeat=True)
    return DeliverySequence(count, is_repeat=False)


def _record(
    connection: sqlite3.Connection, delivery: AlertDelivery, now_ms: Ms
) -> DeliverySequence:
    sequence = _sequence_of(connection, delivery, now_ms)
    if not sequence.is_repeat:
        values = {
            "strategy": delivery.strategy,
            "symbol": delivery.symbol,
            "digest": delivery.digest,
            "signals_before": sequence.number,
            "signals_made": delivery.signals,
            "at_ms": now_ms,
        }
        connection.execute(_SQL["put_delivery"], values)
    return sequence
