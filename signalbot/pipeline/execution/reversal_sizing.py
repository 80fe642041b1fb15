"""Resizes the entry of a reversal to the margin that is free after the close.

The claimed quantity assumed an estimate of that margin. It may only shrink, and the smaller one is
committed before anything is sent.
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
"""Share of the claimed quantity: fees and price moves explain a smaller shortfall."""

_RETRY_DELAYS_S = (0.0, 0.2, 0.4, 0.8)
"""Delay before each read of a balance that may not include the close yet."""

_BALANCE_TIMEOUT_S = 4.0


class ReversalSizer:
    """Shrinks the entry of a reversal that the free margin does not cover."""

    def __init__(self, trades: Trades, clock: Clock) -> None:
        self._trades = trades
        self._clock = clock

    async def fit_to_free_margin(
        self, account: Account, entry: PendingEntry
    ) -> PendingEntry | None:
        """Return the entry, reduced to the free balance; None if not even the smallest fits.

        Some exchanges release the margin of a closed position late, so a balance far below the
        claimed need is read again. If it cannot be read, the entry stays as claimed: the exchange
        rejects what is not covered.
        """
        intents, symbol = entry.intents, entry.signal.symbol
        instrument = account.market.instrument(symbol)
        price = intents.entry.price or account.market.last_price(symbol) or entry.signal.price
        requested = intents.entry.quantity
        if price is None:
            return entry
        affordable = await self._fetch_affordable(account, entry, price)
        if affordable is None or affordable >= requested:
            return entry
        if affordable < instrument.smallest_quantity(price):
            return None
        smaller = resize_intents(intents, affordable, instrument)
        await self._shrink(account, intents, smaller)
        log.info(
            "entry.reduced",
            user_id=account.user_id,
            signal_id=entry.signal.signal_id,
            symbol=symbol,
            claimed=text(requested),
            quantity=text(affordable),
            free=text(round(account.trading_broker.balance().free, 2)),
        )
        return replace(
            entry, intents=smaller, execution=replace(entry.execution, quantity=affordable)
        )

    async def _fetch_affordable(
        self, account: Account, entry: PendingEntry, price: Decimal
    ) -> Decimal | None:
        """Return the quantity the balance covers now; None if the balance cannot be read."""
        requested, affordable = entry.intents.entry.quantity, None
        try:
            async with asyncio.timeout(_BALANCE_TIMEOUT_S):
                for pause_s in _RETRY_DELAYS_S:
                    await self._clock.sleep(pause_s)
                    is_current = await account.trading_broker.refresh_balance(urgent=True)
                    affordable = self._affordable(account, entry, price)
                    if is_current or affordable >= requested * _SUFFICIENT_SHARE:
                        break
        except (TimeoutError, Unavailable) as e:
            log.debug("account.poll_failed", user_id=account.user_id, cause=str(e) or "no response")
        return affordable

    def _affordable(self, account: Account, entry: PendingEntry, price: Decimal) -> Decimal:
        request, signal = entry.intents.entry, entry.signal
        instrument = account.market.instrument(signal.symbol)
        expected_entry = price
        if request.type is OrderType.MARKET:
            expected_entry = market_fill_price(
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
            expected_entry=expected_entry,
            fees=account.fees(instrument),
        )

    async def _shrink(self, account: Account, before: EntryIntents, after: EntryIntents) -> None:
        """Save the smaller orders in place of the claimed ones."""
        kept = {each.client_order_id for each in after.all}
        dropped = [
            mark_unsent(
                Order(request=each), "its share of the smaller entry is too small", self._clock
            )
            for each in before.all
            if each.client_order_id not in kept
        ]
        await self._trades.shrink(after.all, dropped)
        for request in after.all:
            account.track_order(Order(request=request))
        for order in dropped:
            account.track_order(order)
