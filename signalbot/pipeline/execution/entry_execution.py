"""Sends claimed entries: the only module that submits entry orders.

An entry without a response is never sent again here; ``reconciliation.order_recovery`` resolves it.
"""

from dataclasses import replace

import structlog

from signalbot.decision.filters import drift_percent
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.errors import OrderOutcomeUnknown, OrderRejected, Unavailable
from signalbot.domain.failure_codes import FailureCode
from signalbot.domain.orders import Leg, Order, OrderStatus, entry_side
from signalbot.domain.positions import CloseReason
from signalbot.domain.signals import Signal
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.execution.entry_settlement import EntrySettler
from signalbot.pipeline.execution.reversal_sizing import ReversalSizer
from signalbot.pipeline.orders.entry_orders import EntryOrders, PendingEntry
from signalbot.pipeline.orders.order_placement import mark_rejected, mark_unsent
from signalbot.pipeline.positions.protection import Protector
from signalbot.pipeline.trading_state import TradingState, failure_log_level
from signalbot.ports import Clock
from signalbot.tasks import backoff_s, crash_point

log = structlog.get_logger()


class EntryExecutor:
    """Sends claimed entries while their signal is current, and settles the response."""

    def __init__(
        self,
        *,
        trades: Trades,
        entry_orders: EntryOrders,
        entry_settler: EntrySettler,
        protector: Protector,
        trading_state: TradingState,
        clock: Clock,
    ) -> None:
        self._entry_orders = entry_orders
        self._entry_settler = entry_settler
        self._protector = protector
        self._trading_state = trading_state
        self._reversal_sizer = ReversalSizer(trades, clock)
        self._clock = clock

    async def enter(
        self, account: Account, entry: PendingEntry, *, is_resumed: bool = False
    ) -> None:
        """Send a claimed entry that was provably never sent, and settle the response.

        ``is_resumed``: a previous process claimed it and may have closed the opposite position.
        """
        ready = await self._close_opposite(account, entry, is_resumed=is_resumed)
        if ready is not None:
            await self._send_while_current(account, ready)

    async def _close_opposite(
        self, account: Account, entry: PendingEntry, *, is_resumed: bool
    ) -> PendingEntry | None:
        """Close the opposite position of a reversal; return the entry, resized to what is free.

        None if the entry has failed, as its margin or its symbol's holding does not allow it.
        """
        signal = entry.signal
        held = account.positions.get(signal.symbol)
        is_reversal = held is not None and held.side is not signal.action.side
        if held is not None and is_reversal:
            await self._protector.close(account, held, CloseReason.OPPOSITE_SIGNAL)
            crash_point("reversal.closed")
            if signal.symbol in account.unresolved_symbols:
                await self._fail_unresolved(account, entry)
                return None
        if not is_reversal and not is_resumed:
            return entry
        resized = await self._reversal_sizer.fit_to_free_margin(account, entry)
        if resized is None:
            await self._fail_for_margin(account, entry)
        return resized

    async def _send_while_current(self, account: Account, entry: PendingEntry) -> None:
        """Send an entry until the exchange has it; fail it once its signal is stale."""
        order = Order(request=entry.intents.entry)
        cause = "never sent"
        for tries, delay_s in enumerate(backoff_s(initial_s=0.2, max_s=2.0)):
            stale = self._stale_reason(account, entry.signal)
            if stale is not None:
                unsent = mark_unsent(order, cause, self._clock)
                await self._entry_orders.fail(account, entry, unsent, reason=stale, error=cause)
                return
            try:
                await self._send(account, entry, order)
            except Unavailable as e:
                cause = str(e)
                level = failure_log_level(e, is_repeat=tries > 0)
                log.log(
                    level, "order.send_failed", user_id=account.user_id, leg="entry", cause=cause
                )
                await self._clock.sleep(delay_s)
            else:
                return

    async def cancel(self, account: Account, signal: Signal) -> None:
        """Cancel the strategy's open entry on the side of an exit signal. The lock is held.

        It must not fill after its strategy has exited, nor while its position is reduced.
        """
        for order in account.orders(signal.symbol, Leg.ENTRY):
            if not order.status.is_live or order.request.side is not entry_side(signal.action.side):
                continue
            entry = await self._entry_orders.load(account, order)
            if entry.signal.strategy == signal.strategy:
                await self._entry_settler.cancel_and_book(account, order)

    async def _fail_unresolved(self, account: Account, entry: PendingEntry) -> None:
        """Fail a reversal while the closed side's holding is unknown: it may have flipped."""
        error = "the remaining holding at the exchange is unknown after the close"
        unsent = mark_unsent(Order(request=entry.intents.entry), error, self._clock)
        await self._entry_orders.fail(
            account, entry, unsent, reason=DecisionCode.SYMBOL_IN_DOUBT, error=error
        )

    async def _fail_for_margin(self, account: Account, entry: PendingEntry) -> None:
        """Fail a reversal: after its close the free margin is below the smallest entry's."""
        error = "the margin freed by the close is less than the smallest entry needs"
        unsent = mark_unsent(Order(request=entry.intents.entry), error, self._clock)
        await self._entry_orders.fail(
            account, entry, unsent, reason=DecisionCode.INSUFFICIENT_BALANCE, error=error
        )

    async def _send(self, account: Account, entry: PendingEntry, order: Order) -> None:
        """Send the entry once and settle the response.

        Raises:
            Unavailable: it was provably not accepted.
        """
        attaches = account.trading_broker.attaches_stops(order.request.symbol)
        stop = entry.intents.stop if attaches else None
        crash_point("entry.before_send")
        try:
            report = await account.trading_broker.submit(order.request, stop=stop)
        except OrderRejected as e:
            rejected = mark_rejected(order, e, self._clock)
            await self._entry_orders.fail(
                account, entry, rejected, reason=FailureCode.REJECTED, error=str(e)
            )
            await self._trading_state.on_rejection(account, e)
        except OrderOutcomeUnknown as e:
            await self._entry_settler.mark_unknown(account, entry, order, cause=str(e))
        else:
            crash_point("entry.after_answer")
            account.reset_margin_rejections()
            if stop is not None:  # placed if the exchange accepted it; protection looks it up
                account.track_order(replace(Order(request=stop), status=OrderStatus.UNKNOWN))
            await self._entry_settler.settle(account, entry, order, report)

    def _stale_reason(self, account: Account, signal: Signal) -> DecisionCode | None:
        """Why the entry must no longer be sent, checked right before each send."""
        now_ms = self._clock.now_ms()
        if not signal.is_open(now_ms):
            return DecisionCode.SIGNAL_NOT_ACTIVE
        filters = account.settings_for(signal.strategy).filters
        limit_ms = filters.max_signal_age_ms
        if limit_ms is not None and now_ms - signal.event_ms > limit_ms:
            return DecisionCode.SIGNAL_TOO_OLD
        if signal.symbol in account.positions:
            return DecisionCode.POSITION_OPEN
        price, most = account.market.last_price(signal.symbol), filters.max_price_drift_percent
        if price is not None and signal.price is not None and most is not None:
            return DecisionCode.PRICE_DRIFTED if drift_percent(price, signal.price) > most else None
        return None
