"""Where exchanges hold something else than the ledger says, for as long as that lasts."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.ledger.database import Database
from signalbot.ledger.sql import queries

_SQL = queries("mismatches")


@dataclass(frozen=True, slots=True)
class PositionMismatch:
    """Side and quantity on both sides, or ``nothing``."""

    ledger: str
    held: str  #: by the exchange


class PositionMismatches:
    """Every difference becomes an event of the journal once, however often it is seen."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def all(self) -> Mapping[UserId, dict[str, PositionMismatch]]:
        """Those that last, by user and symbol."""
        found: dict[UserId, dict[str, PositionMismatch]] = defaultdict(dict)
        for row in await self._database.query(_SQL["all"]):
            found[UserId(row["user_id"])][row["symbol"]] = PositionMismatch(
                row["ledger"], row["held"]
            )
        return found

    async def put(
        self, user_id: UserId, exchange: str, symbol: str, mismatch: PositionMismatch, *, now_ms: Ms
    ) -> None:
        """One has been found, or has changed."""
        values = {
            "user_id": user_id, "symbol": symbol, "exchange": exchange,
            "ledger": mismatch.ledger, "held": mismatch.held, "since_ms": now_ms,
        }  # fmt: skip
        await self._database.execute(_SQL["put"], values)

    async def end(self, user_id: UserId, symbol: str) -> None:
        """Both agree again."""
        await self._database.execute(_SQL["end"], (user_id, symbol))
