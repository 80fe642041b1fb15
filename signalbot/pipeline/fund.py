"""Books what a position paid or received for funding."""

from decimal import Decimal

from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account


class Funder:
    def __init__(self, trades: Trades) -> None:
        self._trades = trades

    async def book(self, account: Account, symbol: str, received: Decimal) -> None:
        """Add what the position in ``symbol`` received; negative when it paid.

        It belongs to the position that is open now, also when that closes meanwhile.
        """
        held = account.positions.get(symbol)
        async with account.lock(symbol):
            current = account.positions.get(symbol)
            if held is not None and (current is None or current.position_id != held.position_id):
                current = await self._trades.position(held.position_id)
            if current is None:
                return
            paid = current.pay(received)
            account.take_funding(paid, received)
            await self._trades.save_position(paid)
