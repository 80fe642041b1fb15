"""Positions that closing orders opened on the other side, and what closes them."""

from signalbot.domain.money import text
from signalbot.domain.orders import OrderRequest
from signalbot.domain.positions import Position
from signalbot.ledger.database import Database
from signalbot.ledger.sql import queries

_SQL = queries("opposites")


class OppositePositions:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, position: Position, closing: OrderRequest) -> None:
        """One has been found, as ``position`` with its side and size; ``closing`` closes it."""
        values = {
            "client_order_id": closing.client_order_id, "user_id": closing.user_id,
            "symbol": closing.symbol, "exchange": closing.exchange,
            "position_id": position.position_id, "side": position.side.value,
            "quantity": text(closing.quantity), "found_at_ms": closing.intended_at_ms,
        }  # fmt: skip
        await self._database.execute(_SQL["put"], values)
