"""Positions at an exchange that the ledger does not expect: different, or on the opposite side."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from signalbot.domain.money import text
from signalbot.domain.orders import OrderRequest
from signalbot.domain.positions import Position
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.ledger.database import Database
from signalbot.ledger.sql import queries

_SQL = queries("position_mismatches")


@dataclass(frozen=True, slots=True)
class PositionMismatch:
    """Side and quantity in the ledger and at the exchange, or ``nothing``."""

    ledger: str
    held: str  #: at the exchange


class PositionMismatches:
    """Open differences between ledger and exchange; each is journaled once."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Mapping[UserId, dict[str, PositionMismatch]]:
        """The open mismatches, by user and symbol."""
        found: dict[UserId, dict[str, PositionMismatch]] = defaultdict(dict)
        for row in await self._database.query(_SQL["mismatches"]):
            found[UserId(row["user_id"])][row["symbol"]] = PositionMismatch(
                row["ledger"], row["held"]
            )
        return found

    async def put(
        self, user_id: UserId, exchange: str, symbol: str, mismatch: PositionMismatch, *, now_ms: Ms
    ) -> None:
        """Record a mismatch that is new or has changed."""
        values = {
            "user_id": user_id, "symbol": symbol, "exchange": exchange,
            "ledger": mismatch.ledger, "held": mismatch.held, "since_ms": now_ms,
        }  # fmt: skip
        await self._database.execute(_SQL["put_mismatch"], values)

    async def end(self, user_id: UserId, symbol: str) -> None:
        """Record that ledger and exchange agree again."""
        await self._database.execute(_SQL["end_mismatch"], (user_id, symbol))


class OppositePositions:
    """Positions that closing orders opened on the opposite side."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, position: Position, closing: OrderRequest) -> None:
        """Record the side and quantity of ``position``, which the order ``closing`` closes."""
        values = {
            "client_order_id": closing.client_order_id, "user_id": closing.user_id,
            "symbol": closing.symbol, "exchange": closing.exchange,
            "position_id": position.position_id, "side": position.side.value,
            "quantity": text(closing.quantity), "found_at_ms": closing.intended_at_ms,
        }  # fmt: skip
        await self._database.execute(_SQL["put_opposite"], values)
