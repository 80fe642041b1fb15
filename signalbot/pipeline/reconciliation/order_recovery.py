"""Resolves orders with an unknown outcome by look-ups.

An entry without a response is not sent again: exchanges may list orders late, and a double order
is worse than none. There are two exceptions, both only once its absence is proven: an entry that a
previous process intended and may not have sent, and any entry at an exchange without visibility
lag.
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
from signalbot.pipeline.orders.entry_orders import EntryOrders
from signalbot.pipeline.orders.order_placement import mark_unsent
from signalbot.pipeline.orders.unresolved_orders import UnresolvedOrderQueue
from signalbot.pipeline.positions.closing import PositionCloser
from signalbot.pipeline.positions.protection import Protector
from signalbot.pipeline.reconciliation.order_events import OrderEventHandler
from signalbot.pipeline.trading_state import TradingState, failure_log_level
from signalbot.ports import Clock
from signalbot.tasks import Timers, crash_point

log = structlog.get_logger()

LOOKUP_DELAYS_MS = (
    500, 500, 1_000, 1_000, 1_500, 2_000, 3_000, 5_000, 10_000, 15_000, 15_000, 15_000, 30_000,
    60_000, 120_000, 300_000,
)  # fmt: skip
_LOOKBACK_MS = 86_400_000  # how long cancelled entries are checked for late fills


@dataclass(frozen=True, slots=True)
class _LookupResult:
    """One complete look-up of an order."""

    report: OrderReport | None  #: None: it is not listed

    @property
    def filled_ms(self) -> Ms:
        """Time of its last fill, else of the report."""
        if self.report is None:
            return EPOCH
        fills = (fill.filled_at_ms for fill in self.report.fills)
        return max(fills, default=self.report.updated_at_ms)


class OrderRecovery:
    """Looks up unfinished orders and applies the results; never sends what may exist already."""

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
        """Resolve every unfinished order of a symbol. The symbol's lock is held.

        Entries come first. Closing orders are booked in the order of their fills: the last one
        determines the position's close reason.
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
        """Resolve one unfinished order by ``report``, else by a look-up.

        The symbol's lock is held. The order stays unchanged if its outcome is still unknown.
        """
        result = await self._look_up(account, order, report)
        if result is not None:
            await self._apply_result(account, order, result)

    async def _look_up(
        self, account: Account, order: Order, report: OrderReport | None
    ) -> _LookupResult | None:
        """Look an order up; None if the look-up was not complete."""
        try:
            return _LookupResult(report or await account.trading_broker.lookup(order))
        except (OrderOutcomeUnknown, Unavailable) as e:
            self._retry_later(account, order, cause=str(e), error=e)
            return None

    async def _apply_result(self, account: Account, order: Order, result: _LookupResult) -> None:
        if result.report is not None:
            account.absences.record_seen(order.client_order_id)
            await self._order_events.handle_report(account, result.report)
            account.resolve_symbol(order.request.symbol)
            await self._restore_entry_timeout(account, order)
        elif order.request.leg is Leg.ENTRY:
            await self._entry_not_found(account, order)
        else:
            await self._exit_not_found(account, order)

    async def resolve_and_protect(self, account: Account, order: Order) -> None:
        """Resolve one order, then adjust its position. The symbol's lock is held."""
        await self.settle(account, order)
        if order.request.leg is not Leg.ENTRY:
            await self._protector.finish_close(account, order.request.symbol)
            await self._protector.protect(account, order.request.symbol)

    async def find_late_fills(self, account: Account, symbol: str) -> bool:
        """Look up recently cancelled entries again; True if one has filled after all.

        Used when the exchange holds more than the ledger, which such an entry may explain.
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

    async def find_late_entries(self, account: Account, symbol: str) -> None:
        """Look up entries that ended without a report. The symbol's lock is held.

        Raises:
            Unavailable: not all of them could be looked up.
        """
        since_ms = Ms(self._clock.now_ms() - _LOOKBACK_MS)
        for order in await self._trades.orders_of_symbol(account.user_id, symbol, since_ms):
            if account.late_entries.is_expected(order.client_order_id):
                await self._find_late(account, order)

    async def _find_late(self, account: Account, order: Order) -> bool:
        """Look up an entry that has ended in the ledger, and settle it if it exists.

        Its protection is placed as usual; an unfilled rest is cancelled at the entry's timeout.

        Raises:
            Unavailable: it could not be looked up.
        """
        try:
            report = await account.trading_broker.lookup(order)
        except OrderOutcomeUnknown:
            return False
        if report is None:
            return False
        is_open = report.status.is_live and account.late_entries.is_expected(order.client_order_id)
        account.late_entries.discard(order.client_order_id)
        if report.filled <= order.filled and not is_open:
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

    # --- orders that are not found --------------------------------------------------------

    async def _entry_not_found(self, account: Account, order: Order) -> None:
        """Count a miss of an entry; once its absence is proven, send it or give it up."""
        lag_ms = account.trading_broker.visibility_lag_ms
        is_proven = account.absences.record_miss(
            order.client_order_id, self._clock.now_ms(), apart_ms=lag_ms // 2
        )
        if not is_proven:
            self._retry_later(account, order, cause="not listed, which is no proof yet")
            return
        may_send = order.status is OrderStatus.INTENDED or lag_ms == 0
        if may_send and not await self._has_traces(account, order):
            await self._resume(account, order)
        else:
            await self._not_received(account, order)

    async def _exit_not_found(self, account: Account, order: Order) -> None:
        """Handle a closing order that was not found.

        A second reduce-only order is harmless, so absence is proven only where a second one could
        close too much: for orders the exchange accepted, partial exits, and exits on spot. Unsent
        stops and targets are left to ``Protector.protect``.
        """
        is_exit, was_accepted = order.request.leg is Leg.EXIT, order.exchange_order_id is not None
        is_part = is_partial_exit(order.request)
        if order.status is OrderStatus.INTENDED and not is_exit:
            return
        if was_accepted or is_part or (is_exit and _is_spot(account, order)):
            is_proven = account.absences.record_miss(
                order.client_order_id,
                self._clock.now_ms(),
                apart_ms=account.trading_broker.visibility_lag_ms,
            )
            if not is_proven:
                if not order.status.is_live:
                    self._retry_later(account, order, cause="not listed, which is no proof yet")
                return
        if is_part:
            account.resolve_symbol(order.request.symbol)
            account.absences.record_seen(order.client_order_id)
            await self._executor.partial_exit_not_received(account, order)
        elif is_exit:
            account.resolve_symbol(order.request.symbol)
            await self._position_closer.drop_order(
                account, order, why="the exchange never received it"
            )
        elif was_accepted:
            await self._mark_missing(account, order)
        else:
            account.track_order(Order(request=order.request))

    async def _mark_missing(self, account: Account, order: Order) -> None:
        """Cancel a stop or target in the ledger that the exchange provably no longer has."""
        log.warning(
            "order.missing",
            user_id=account.user_id,
            symbol=order.request.symbol,
            leg=order.request.leg.value,
            client_order_id=order.client_order_id,
        )
        account.absences.record_seen(order.client_order_id)
        await self._position_closer.drop_order(
            account, order, why="the exchange no longer lists it"
        )

    async def _resume(self, account: Account, order: Order) -> None:
        """Send a claimed entry that provably never arrived, unless its signal is too old."""
        account.resolve_symbol(order.request.symbol)
        account.absences.record_seen(order.client_order_id)
        entry = await self._entry_orders.load(account, order)
        limit_ms = account.settings_for(entry.signal.strategy).filters.max_signal_age_ms
        age_ms = self._clock.now_ms() - entry.signal.event_ms
        if entry.signal.is_open(self._clock.now_ms()) and (limit_ms is None or age_ms <= limit_ms):
            log.info("execution.resumed", user_id=account.user_id, signal_id=entry.signal.signal_id)
            await self._executor.enter(account, entry, is_resumed=True)
            return
        error = "interrupted before the entry was sent, and the signal has expired"
        unsent = mark_unsent(order, error, self._clock)
        await self._entry_orders.fail(
            account, entry, unsent, reason=FailureCode.INTERRUPTED, error=error
        )

    async def _not_received(self, account: Account, order: Order) -> None:
        """Fail an entry that may have been sent and provably is not at the exchange."""
        account.resolve_symbol(order.request.symbol)
        account.absences.record_seen(order.client_order_id)
        entry = await self._entry_orders.load(account, order)
        error = "no response, and the exchange does not have the order"
        unsent = mark_unsent(order, error, self._clock)
        await self._entry_orders.fail(
            account, entry, unsent, reason=FailureCode.NOT_RECEIVED, error=error
        )

    async def _has_traces(self, account: Account, order: Order) -> bool:
        """Whether a holding or fill in the account may come from an order that is not listed.

        Fills of stored orders do not count: a reversal's exit trades on the same side.
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
        """Block entries in the symbol and have the order looked up again."""
        is_repeat = order.request.symbol in account.unresolved_symbols
        account.mark_unresolved(order.request.symbol)
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
        """Schedule the timeout of an entry that is still open."""
        current = account.working_orders.get(order.request.symbol, {}).get(order.client_order_id)
        if current is not None and current.request.leg is Leg.ENTRY:
            entry = await self._entry_orders.load(account, current)
            self._entry_settler.schedule_timeout(account, entry.signal.strategy, current)


ResolveOrder = Callable[[Account, Order], Awaitable[None]]
"""Resolves one order; the symbol's lock is held."""


class UnresolvedOrderPoller:
    """Looks up orders with an unknown outcome within seconds, then at growing intervals.

    Comparisons would resolve them too, but too late for a position without a stop.
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
        """Poll every order from the queue until it is resolved; runs until cancelled."""
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
    """Sort by last fill; of two in one millisecond the target first, as it closes only a part."""
    order, result = each
    return result.filled_ms, order.request.leg is not Leg.TAKE_PROFIT


def _still_unresolved(account: Account, order: Order) -> Order | None:
    """Return the current order if its outcome is still unknown."""
    current = account.working_orders.get(order.request.symbol, {}).get(order.client_order_id)
    unknown = (OrderStatus.UNKNOWN, OrderStatus.INTENDED)
    return current if current is not None and current.status in unknown else None


def _is_spot(account: Account, order: Order) -> bool:
    """Whether the market has no reduce-only orders, so a second sale takes the owner's coins."""
    return account.market.instrument(order.request.symbol).kind is MarketKind.SPOT


def _ids(orders: Iterable[Order]) -> Iterable[str]:
    """Yield both ids of each order: a fill may carry the exchange's id."""
    for order in orders:
        yield order.client_order_id
        if order.exchange_order_id is not None:
            yield order.exchange_order_id
