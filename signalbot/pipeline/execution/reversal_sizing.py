"""What a reversal can enter with once its close has set margin free.

The claim was made for what would be free then, as far as that could be known. Now it is known, and
the claimed quantity may only shrink: durably, before anything is sent.
"""

import asyncio
from dataclasses import replace
from decimal import Decimal

import structlog

from signalbot.decision.costs import market_fill_price
from signalbot.decision.sizing import affordable_quantity
from signalbot.domain.errors import Unavailable
from signalbot.domain.money import text
from signalbot.domain.orders import Order, OrderType
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.orders.entry_orders import PendingEntry
from signalbot.pipeline.orders.order_intents import EntryIntents, resize_intents
from signalbot.pipeline.orders.order_placement import mark_unsent
from signalbot.ports import Clock

log = structlog.get_logger()

_SUFFICIENT_SHARE = Decimal("0.95")
"""Of the claimed quantity: costs and a moved price explain what is missing."""

_RETRY_DELAYS_S = (0.0, 0.2, 0.4, 0.8)
"""Before each look at a balance that may not show the close yet."""

_BALANCE_TIMEOUT_S = 4.0


class ReversalSizer:
    def __init__(self, trades: Trades, clock: Clock) -> None:
        self._trades = trades
        self._clock = clock

    async def fit_to_free_margin(
        self, account: Account, entry: PendingEntry
    ) -> PendingEntry | None:
        """The entry, as large as the free balance carries now; None: not even the smallest.

        Some exchanges show the margin of a closed position a moment late: a balance that leaves
        much less than was claimed is looked at again. One that cannot be asked is taken as the
        claim has foreseen it: the exchange refuses what is not covered.
        """
        intents, symbol = entry.intents, entry.signal.symbol
        instrument = account.market.instrument(symbol)
        price = intents.entry.price or account.market.last_price(symbol) or entry.signal.price
        requested = intents.entry.quantity
        if price is None:
            return entry
        most = await self._max_quantity(account, entry, price)
        if most is None or most >= requested:
            return entry
        if most < instrument.smallest_quantity(price):
            return None
        smaller = resize_intents(intents, most, instrument)
        await self._shrink(account, intents, smaller)
        log.info(
            "entry.reduced",
            user_id=account.user_id,
            signal_id=entry.signal.signal_id,
            symbol=symbol,
            claimed=text(requested),
            quantity=text(most),
            free=text(round(account.trading_broker.balance().free, 2)),
        )
        return replace(entry, intents=smaller, execution=replace(entry.execution, quantity=most))

    async def _max_quantity(
        self, account: Account, entry: PendingEntry, price: Decimal
    ) -> Decimal | None:
        """The quantity that is covered now; None when the balance cannot be asked."""
        requested, most = entry.intents.entry.quantity, None
        try:
            async with asyncio.timeout(_BALANCE_TIMEOUT_S):
                for pause_s in _RETRY_DELAYS_S:
                    await self._clock.sleep(pause_s)
                    is_current = await account.trading_broker.refresh_balance(urgent=True)
                    most = self._affordable(account, entry, price)
                    if is_current or most >= requested * _SUFFICIENT_SHARE:
                        break
        except (TimeoutError, Unavailable) as e:
            log.debug("account.poll_failed", user_id=account.user_id, cause=str(e) or "no answer")
        return most

    def _affordable(self, account: Account, entry: PendingEntry, price: Decimal) -> Decimal:
        request, signal = entry.intents.entry, entry.signal
        instrument = account.market.instrument(signal.symbol)
        entered = price
        if request.type is OrderType.MARKET:
            entered = market_fill_price(
                instrument,
                side=signal.action.side,
                price=price,
                slippage_bps=account.slippage_bps(signal),
            )
        return affordable_quantity(
            account.settings_for(signal.strategy).sizing,
            instrument,
            free=account.trading_broker.balance().free,
            leverage=request.leverage,
            price=price,
            expected_entry=entered,
            fees=account.fees(instrument),
        )

    async def _shrink(self, account: Account, before: EntryIntents, after: EntryIntents) -> None:
        """Write the smaller orders, and keep them in place of the claimed ones."""
        kept = {each.client_order_id for each in after.all}
        dropped = [
            mark_unsent(Order(request=each), "too small a share of a smaller entry", self._clock)
            for each in before.all
            if each.client_order_id not in kept
        ]
        await self._trades.shrink(after.all, dropped)
        for request in after.all:
            account.track_order(Order(request=request))
        for order in dropped:
            account.track_order(order)
