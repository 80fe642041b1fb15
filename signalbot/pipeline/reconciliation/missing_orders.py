"""Handles unfinished orders that a complete look-up did not find.

An entry without a response is not sent again: exchanges may list orders late, and a double order
is worse than none. There are two exceptions, both only once its absence is proven: an entry that a
previous process intended and may not have sent, and any entry at an exchange without visibility
lag.
"""

from collections.abc import Iterable

import structlog

from signalbot.domain.failure_codes import FailureCode
from signalbot.domain.market import MarketKind
from signalbot.domain.orders import Leg, Order, OrderStatus
from signalbot.domain.timeframe import Ms
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.execution.entry_execution import EntryExecutor
from signalbot.pipeline.execution.partial_exit import PartialExitExecutor
from signalbot.pipeline.orders.entry_orders import EntryOrders
from signalbot.pipeline.orders.order_intents import is_partial_exit
from signalbot.pipeline.orders.order_placement import mark_unsent
from signalbot.pipeline.orders.unresolved_orders import UnresolvedOrderQueue
from signalbot.pipeline.positions.closing import PositionCloser
from signalbot.ports import Clock

log = structlog.get_logger()

_LOOKBACK_MS = 86_400_000  # how old orders may be that explain a fill


class MissingOrderHandler:
    """Sends, gives up or drops orders, once their absence is proven where that matters."""

    def __init__(
        self,
        *,
        trades: Trades,
        entry_orders: EntryOrders,
        entry_executor: EntryExecutor,
        partial_exits: PartialExitExecutor,
        position_closer: PositionCloser,
        unresolved_orders: UnresolvedOrderQueue,
        clock: Clock,
    ) -> None:
        self._trades = trades
        self._entry_orders = entry_orders
        self._entry_executor = entry_executor
        self._partial_exits = partial_exits
        self._position_closer = position_closer
        self._unresolved_orders = unresolved_orders
        self._clock = clock

    async def handle(self, account: Account, order: Order) -> None:
        """Handle one order that was not found. The symbol's lock is held."""
        if order.request.leg is Leg.ENTRY:
            await self._entry_not_found(account, order)
        else:
            await self._exit_not_found(account, order)

    async def _entry_not_found(self, account: Account, order: Order) -> None:
        """Count a miss of an entry; once its absence is proven, send it or give it up."""
        lag_ms = account.trading_broker.visibility_lag_ms
        is_proven = account.absences.record_miss(
            order.client_order_id, self._clock.now_ms(), apart_ms=lag_ms // 2
        )
        if not is_proven:
            self._unresolved_orders.retry_later(
                account, order, cause="not listed, which is no proof yet"
            )
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
                    self._unresolved_orders.retry_later(
                        account, order, cause="not listed, which is no proof yet"
                    )
                return
        if is_part:
            account.resolve_symbol(order.request.symbol)
            account.absences.record_seen(order.client_order_id)
            await self._partial_exits.not_received(account, order)
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
            await self._entry_executor.enter(account, entry, is_resumed=True)
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


def _is_spot(account: Account, order: Order) -> bool:
    """Whether the market has no reduce-only orders, so a second sale takes the owner's coins."""
    return account.market.instrument(order.request.symbol).kind is MarketKind.SPOT


def _ids(orders: Iterable[Order]) -> Iterable[str]:
    """Yield both ids of each order: a fill may carry the exchange's id."""
    for order in orders:
        yield order.client_order_id
        if order.exchange_order_id is not None:
            yield order.exchange_order_id
