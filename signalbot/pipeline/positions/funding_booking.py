"""Books the funding of simulated positions."""

from decimal import Decimal

from signalbot.domain.positions import Position
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account


class FundingBooker:
    def __init__(self, trades: Trades) -> None:
        self._trades = trades

    async def book(self, account: Account, held: Position, received: Decimal) -> None:
        """Add ``received`` to the position, open or closed."""
        async with account.lock(held.symbol):
            current = account.positions.get(held.symbol)
            if current is None or current.position_id != held.position_id:
                current = await self._trades.position(held.position_id)
            if current is None:
                return
            paid = current.add_funding(received)
            account.apply_funding(paid, received)
            await self._trades.save_position(paid)
