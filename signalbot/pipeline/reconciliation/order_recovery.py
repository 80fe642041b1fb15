"""Learns what became of orders whose outcome is not known: by looking, never by sending again.

An entry that got no answer is never sent a second time: what an exchange shows may be later than
anybody waits, and a second order is worse than none. Only one of which this process knows nothing
but the intent, because a former one died, is sent once its absence is proven; and any where the
exchange shows everything at once.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import structlog

from signalbot.domain.errors import OrderOutcomeUnknown, SignalbotError, Unavailable
from signalbot.domain.failure_codes import FailureCode
from signalbot.domain.market import MarketKind
from signalbot.domain.money import text
from signalbot.domain.orders import ClientOrderId, Leg, Order, OrderReport, OrderStatus
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.execution.entry_settlement import EntrySettler
from signalbot.pipeline.execution.executor import Executor
from signalbot.pipeline.execution.partial_exit import is_partial_exit
from signalbot.pipeline.log_levels import failure_log_level
from signalbot.pipeline.orders.entry_orders import EntryOrders
from signalbot.pipeline.orders.order_placement import mark_unsent
from signalbot.pipeline.orders.unresolved_orders import UnresolvedOrderQueue
from signalbot.pipeline.positions.closing import PositionCloser
from signalbot.pipeline.positions.protection import Protector
from signalbot.pipeline.reconciliation.order_events import OrderEventHandler
from signalbot.pipeline.trading_state import TradingState
from signalbot.ports import Clock
from signalbot.tasks import Timers, crash_point

log = structlog.get_logger()

LOOKUP_DELAYS_MS = (
    500, 500, 1_000, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 15_000, 15_000, 15_000, 30_000,
    60_000, 120_000, 300_000,
)  # fmt: skip
_LOOKBACK_MS = 86_400_000  # orders that came to nothing are remembered for a day


@dataclass(frozen=True, slots=True)
class _LookupResult:
    """One whole look for an order."""

    report: OrderReport | None  #: None: it was shown nowhere

    @property
    def filled_ms(self) -> Ms:
        """When it last filled, as far as is known."""
        if self.report is None:
            return EPOCH
        fills = (fill.filled_at_ms for fill in self.report.fills)
        return max(fills, default=self.report.updated_at_ms)


class OrderRecovery:
    def __init__(
        self,
        *,
        trades: Trades,
        entry_orders: EntryOrders,
        executor: Executor,
        entry_settler: EntrySettler,
        order_events: OrderEventHandler,
        protector: Protector,
        position_closer: PositionCloser,
        unresolved_orders: UnresolvedOrderQueue,
        clock: Clock,
    ) -> None:
        self._trades = trades
        self._entry_orders = entry_orders
        self._executor = executor
        self._entry_settler = entry_settler
        self._order_events = order_events
        self._protector = protector
        self._position_closer = position_closer
        self._unresolved_orders = unresolved_orders
        self._clock = clock

    async def resolve_all(
        self, account: Account, symbol: str, open_orders: Mapping[ClientOrderId, OrderReport]
    ) -> None:
        """Learn what became of every unfinished order; the lock is held.

        Entries come first. Orders that close are booked in the order in which they filled: the
        last of them says why the position closed.
        """
        orders = list(account.working_orders.get(symbol, {}).values())
        for order in (each for each in orders if each.request.leg is Leg.ENTRY):
            await self._resolve_if_open(account, order, open_orders.get(order.client_order_id))
        results: list[tuple[Order, _LookupResult]] = []
        for order in (each for each in orders if each.request.leg is not Leg.ENTRY):
            result = await self._look_up(account, order, open_orders.get(order.client_order_id))
            if result is not None:
                results.append((order, result))
        for order, result in sorted(results, key=_by_fill_time):
            if order.client_order_id in account.working_orders[symbol]:
                await self._apply_result(account, order, result)
                crash_point("reconcile.order")

    async def _resolve_if_open(
        self, account: Account, order: Order, report: OrderReport | None
    ) -> None:
        if order.client_order_id in account.working_orders[order.request.symbol]:
            await self.settle(account, order, report)
            crash_point("reconcile.order")

    async def settle(
        self, account: Account, order: Order, report: OrderReport | None = None
    ) -> None:
        """Learn what became of one unfinished order, by ``report`` or by asking.

        The symbol's lock is held; what cannot be known yet stays as it is.
        """
        result = await self._look_up(account, order, report)
        if result is not None:
            await self._apply_result(account, order, result)

    async def _look_up(
        self, account: Account, order: Order, report: OrderReport | None
    ) -> _LookupResult | None:
        """What is seen of an order; None when it could not be looked for everywhere."""
        try:
            return _LookupResult(report or await account.trading_broker.lookup(order))
        except (OrderOutcomeUnknown, Unavailable) as e:
            self._retry_later(account, order, cause=str(e), error=e)
            return None

    async def _apply_result(self, account: Account, order: Order, result: _LookupResult) -> None:
        if result.report is not None:
            account.absences.record_seen(order.client_order_id)
            await self._order_events.handle_report(account, result.report)
            account.unresolved_symbols.discard(order.request.symbol)
            await self._restore_entry_timeout(account, order)
        elif order.request.leg is Leg.ENTRY:
            await self._entry_not_found(account, order)
        else:
            await self._exit_not_found(account, order)

    async def resolve_and_protect(self, account: Account, order: Order) -> None:
        """``settle``, and what follows for the position. The symbol's lock is held."""
        await self.settle(account, order)
        if order.request.leg is not Leg.ENTRY:
            await self._protector.finish_close(account, order.request.symbol)
            await self._protector.protect(account, order.request.symbol)

    async def find_late_fills(self, account: Account, symbol: str) -> bool:
        """Look once more for entries that came to nothing lately; True if one did something.

        The exchange holds more than the ledger knows: such an entry may be why.
        """
        since_ms = Ms(self._clock.now_ms() - _LOOKBACK_MS)
        for order in await self._trades.orders_of_symbol(account.user_id, symbol, since_ms):
            if order.request.leg is not Leg.ENTRY or order.status is not OrderStatus.CANCELLED:
                continue
            try:
                if await self._find_late(account, order):
                    return True
            except Unavailable:
                continue
        return False

    async def look_for_late(self, account: Account, symbol: str) -> None:
        """Look for entries that ended without a word of the exchange; the lock is held.

        Raises:
            Unavailable: not all of them could be looked for.
        """
        since_ms = Ms(self._clock.now_ms() - _LOOKBACK_MS)
        for order in await self._trades.orders_of_symbol(account.user_id, symbol, since_ms):
            if account.late.is_expected(order.client_order_id):
                await self._find_late(account, order)

    async def _find_late(self, account: Account, order: Order) -> bool:
        """Take up an entry that was over as far as was known, if it is there.

        It is followed as any other, its protection included; what still rests of it is cancelled
        once its time is over.

        Raises:
            Unavailable: it could not be looked for.
        """
        try:
            report = await account.trading_broker.lookup(order)
        except OrderOutcomeUnknown:
            return False
        if report is None:
            return False
        is_resting = report.status.is_live and account.late.is_expected(order.client_order_id)
        account.late.settled(order.client_order_id)
        if report.filled <= order.filled and not is_resting:
            return False
        log.warning(
            "entry.appeared_late",
            user_id=account.user_id,
            symbol=order.request.symbol,
            client_order_id=order.client_order_id,
            filled=text(report.filled),
        )
        entry = await self._entry_orders.load(account, order)
        if order.request.position_id is not None:
            orders = await self._trades.orders_of_position(order.request.position_id)
            account.reset_attempts(order.request.position_id, orders)
        stop = entry.intents.stop
        if stop is not None and account.trading_broker.attaches_stops(order.request.symbol):
            account.track_order(Order(request=stop, status=OrderStatus.UNKNOWN))
        revived = replace(order, status=OrderStatus.UNKNOWN, error=None)
        await self._entry_settler.settle(account, entry, revived, report)
        return True

    # --- what is not shown ----------------------------------------------------------------

    async def _entry_not_found(self, account: Account, order: Order) -> None:
        """One more whole look without it; once that proves its absence, it is over or goes on."""
        lag_ms = account.trading_broker.visibility_lag_ms
        is_proven = account.absences.record_miss(
            order.client_order_id, self._clock.now_ms(), apart_ms=lag_ms // 2
        )
        if not is_proven:
            self._retry_later(account, order, cause="not shown, which proves nothing yet")
            return
        may_send = order.status is OrderStatus.INTENDED or lag_ms == 0
        if may_send and not await self._has_traces(account, order):
            await self._resume(account, order)
        else:
            await self._not_received(account, order)

    async def _exit_not_found(self, account: Account, order: Order) -> None:
        """An order that only closes: a second one does no harm where it cannot open anything.

        That of a part may close too much: whatever becomes of it follows from a proof alone. A stop
        or target that was only intended is sent by whoever protects.
        """
        is_exit, was_taken = order.request.leg is Leg.EXIT, order.exchange_order_id is not None
        is_part = is_partial_exit(order.request)
        if order.status is OrderStatus.INTENDED and not is_exit:
            return
        if was_taken or is_part or (is_exit and _is_spot(account, order)):
            is_proven = account.absences.record_miss(
                order.client_order_id,
                self._clock.now_ms(),
                apart_ms=account.trading_broker.visibility_lag_ms,
            )
            if not is_proven:
                if not order.status.is_live:
                    self._retry_later(account, order, cause="not shown, which proves nothing yet")
                return
        if is_part:
            account.unresolved_symbols.discard(order.request.symbol)
            account.absences.record_seen(order.client_order_id)
            await self._executor.partial_exit_not_received(account, order)
        elif is_exit:
            account.unresolved_symbols.discard(order.request.symbol)
            await self._position_closer.drop_order(account, order, why="it never arrived")
        elif was_taken:
            await self._mark_missing(account, order)
        else:
            account.track_order(Order(request=order.request))

    async def _mark_missing(self, account: Account, order: Order) -> None:
        """It was there, and the exchange has not shown it for long: it was cancelled."""
        log.warning(
            "order.missing",
            user_id=account.user_id,
            symbol=order.request.symbol,
            leg=order.request.leg.value,
            client_order_id=order.client_order_id,
        )
        account.absences.record_seen(order.client_order_id)
        await self._position_closer.drop_order(
            account, order, why="the exchange does not show it any more"
        )

    async def _resume(self, account: Account, order: Order) -> None:
        """A claimed entry that is proven never to have arrived: send it while it still counts."""
        account.unresolved_symbols.discard(order.request.symbol)
        account.absences.record_seen(order.client_order_id)
        entry = await self._entry_orders.load(account, order)
        limit_ms = account.settings_for(entry.signal.strategy).filters.max_signal_age_ms
        age_ms = self._clock.now_ms() - entry.signal.event_ms
        if entry.signal.is_open(self._clock.now_ms()) and (limit_ms is None or age_ms <= limit_ms):
            log.info("execution.resumed", user_id=account.user_id, signal_id=entry.signal.signal_id)
            await self._executor.enter(account, entry, is_resumed=True)
            return
        error = "interrupted before the entry was sent, and the signal is over"
        over = mark_unsent(order, error, self._clock)
        await self._entry_orders.fail(
            account, entry, over, reason=FailureCode.INTERRUPTED, error=error
        )

    async def _not_received(self, account: Account, order: Order) -> None:
        """It went out, or may have, and nothing shows it: it is over, and not sent again."""
        account.unresolved_symbols.discard(order.request.symbol)
        account.absences.record_seen(order.client_order_id)
        entry = await self._entry_orders.load(account, order)
        error = "no answer came, and the exchange does not know the order"
        over = mark_unsent(order, error, self._clock)
        await self._entry_orders.fail(
            account, entry, over, reason=FailureCode.NOT_RECEIVED, error=error
        )

    async def _has_traces(self, account: Account, order: Order) -> bool:
        """Whether anything in the account could be the doing of an order that is not shown.

        What the ledger knows is no trace: a reversal's exit trades on the same side.
        """
        request = order.request
        held = account.positions.get(request.symbol)
        claimed = {} if held is None else {request.symbol: held.quantity}
        holdings = await account.trading_broker.holdings(claimed)
        holding = next((each for each in holdings if each.symbol == request.symbol), None)
        if holding is not None and (held is None or holding.quantity > held.quantity):
            return True
        since_ms = Ms(request.intended_at_ms - 1_000)
        orders = await self._trades.orders_of_symbol(
            account.user_id, request.symbol, Ms(since_ms - _LOOKBACK_MS)
        )
        booked_ids = set(
            _ids(each for each in orders if each.client_order_id != order.client_order_id)
        )
        fills = await account.trading_broker.fills(request.symbol, since_ms=since_ms)
        return any(
            fill.side is request.side and fill.client_order_id not in booked_ids for fill in fills
        )

    def _retry_later(
        self, account: Account, order: Order, *, cause: str, error: SignalbotError | None = None
    ) -> None:
        """Nothing is known yet: entries in this symbol wait, and it is looked up again soon."""
        is_repeat = order.request.symbol in account.unresolved_symbols
        account.unresolved_symbols.add(order.request.symbol)
        log.log(
            failure_log_level(error or OrderOutcomeUnknown(cause), is_repeat=is_repeat),
            "order.outcome_pending",
            user_id=account.user_id,
            leg=order.request.leg.value,
            cause=cause,
        )
        if order.request.leg in (Leg.ENTRY, Leg.EXIT):
            self._unresolved_orders.add(account, order)

    async def _restore_entry_timeout(self, account: Account, order: Order) -> None:
        """A limit entry that still rests gets its timeout back."""
        current = account.working_orders.get(order.request.symbol, {}).get(order.client_order_id)
        if current is not None and current.request.leg is Leg.ENTRY:
            entry = await self._entry_orders.load(account, current)
            self._entry_settler.schedule_timeout(account, entry.signal.strategy, current)


ResolveOrder = Callable[[Account, Order], Awaitable[None]]
"""Learns what became of one order; the symbol's lock is held."""


class UnresolvedOrderPoller:
    """Looks orders of unknown outcome up within seconds, then ever less often.

    Comparisons would find them too, but half a minute is long for a position without a stop.
    """

    def __init__(
        self,
        settle: ResolveOrder,
        unresolved_orders: UnresolvedOrderQueue,
        trading_state: TradingState,
        timers: Timers,
        clock: Clock,
    ) -> None:
        self._settle = settle
        self._unresolved_orders = unresolved_orders
        self._trading_state = trading_state
        self._timers = timers
        self._clock = clock
        self._watched: set[ClientOrderId] = set()

    async def run(self) -> None:
        """Take up every order that is said to be unresolved, until cancelled."""
        async for account, order in self._unresolved_orders.queue:
            if order.client_order_id not in self._watched:
                self._watched.add(order.client_order_id)
                self._look_up_after_delay(account, order, tries=0)

    def _look_up_after_delay(self, account: Account, order: Order, *, tries: int) -> None:
        at_ms = Ms(self._clock.now_ms() + LOOKUP_DELAYS_MS[tries])
        self._timers.at(at_ms, lambda: self._look_up(account, order, tries=tries))

    async def _look_up(self, account: Account, order: Order, *, tries: int) -> None:
        symbol = order.request.symbol
        async with self._trading_state.halt_on_error(account, "look-up"), account.lock(symbol):
            if (current := _still_unresolved(account, order)) is not None:
                await self._settle(account, current)
        if _still_unresolved(account, order) is None:
            self._watched.discard(order.client_order_id)
        elif tries + 1 < len(LOOKUP_DELAYS_MS):
            self._look_up_after_delay(account, order, tries=tries + 1)
        else:
            self._watched.discard(order.client_order_id)
            log.error(
                "order.unresolved",
                user_id=account.user_id,
                symbol=symbol,
                client_order_id=order.client_order_id,
            )


def _by_fill_time(each: tuple[Order, _LookupResult]) -> tuple[Ms, bool]:
    """Orders within one millisecond: a target leaves something for the stop, never the reverse."""
    order, result = each
    return result.filled_ms, order.request.leg is not Leg.TAKE_PROFIT


def _still_unresolved(account: Account, order: Order) -> Order | None:
    """The order as it is now, if it is not known yet what became of it."""
    current = account.working_orders.get(order.request.symbol, {}).get(order.client_order_id)
    unknown = (OrderStatus.UNKNOWN, OrderStatus.INTENDED)
    return current if current is not None and current.status in unknown else None


def _is_spot(account: Account, order: Order) -> bool:
    """Whether a second sale would take the owner's other coins: nothing there only reduces."""
    return account.market.instrument(order.request.symbol).kind is MarketKind.SPOT


def _ids(orders: Iterable[Order]) -> Iterable[str]:
    """Both ids of each order: a fill may carry the exchange's."""
    for order in orders:
        yield order.client_order_id
        if order.exchange_order_id is not None:
            yield order.exchange_order_id
