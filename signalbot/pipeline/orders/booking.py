"""Books an exchange's order report: order state, new fills and the position, in one commit."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import structlog

from signalbot.domain.executions import Execution
from signalbot.domain.money import ZERO, short_text, text
from signalbot.domain.orders import Fill, Leg, Order, OrderReport, OrderRequest
from signalbot.domain.positions import CloseReason, Position, StopKind
from signalbot.ledger.booking import Booking
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.orders.fees import FeeRates, fee_rates_of

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class RebasedLevels:
    """Stop and targets recalculated from an entry's fill price."""

    position: Position  #: only its stop and its targets count
    orders: tuple[OrderRequest, ...]  #: unsent orders at these levels


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedReport:
    """The state after a report was booked."""

    order: Order
    position: Position | None  #: a closed position is included only when this report closed it
    new_fills: tuple[Fill, ...]
    moved: bool  #: whether the position changed
    reopened: CloseReason | None = None  #: close reason of a position that a late fill reopened


class FillBooker:
    """Applies reports to ledger and account; booking a report twice changes nothing."""

    def __init__(
        self, trades: Trades, *, on_fills_pending: Callable[[Account, Order], None]
    ) -> None:
        """``on_fills_pending`` is called with orders that filled without their fills."""
        self._trades = trades
        self._on_fills_pending = on_fills_pending

    async def book(
        self,
        account: Account,
        order: Order,
        report: OrderReport,
        *,
        opens: Position | None = None,
        execution: Execution | None = None,
        levels: RebasedLevels | None = None,
        is_final_attempt: bool = False,
    ) -> BookedReport:
        """Book ``report`` of ``order``; ``opens`` is the position its first fill would open.

        ``levels`` are the stop and targets to set once the report ends an entry.

        Fills with fees that cannot be converted yet are not booked but collected later, unless
        ``is_final_attempt``: then a fee without a price counts as zero.

        Raises:
            IllegalTransition: the report contradicts the order's or position's state.
        """
        held = account.positions.get(order.request.symbol)
        if held is not None and held.position_id != order.request.position_id:
            held = None  # a late report of an order of a closed position
        late = await self._reopened(order, report) if held is None else None
        before = held or late or opens
        rates = fee_rates_of(account.market, report.fills)
        if rates.pending and report.exchange_order_id is not None and not is_final_attempt:
            report = replace(report, fills=())
        after = order.apply(report)
        booked = await self._trades.book(
            replace(
                _booking(account, after, report, before, levels),
                execution=execution,
                coin_prices=rates.prices,
            )
        )
        _log_unconverted_fees(account, booked.new_fills, rates)
        account.track_order(after)
        if sum((fill.quantity for fill in report.fills), ZERO) < after.filled:
            self._on_fills_pending(account, after)
        if booked.position is not None and booked.moved:
            account.update_position(booked.position)
            if levels is not None:
                _track_rebased_orders(account, levels, booked.position)
            _log_change(held, booked.position)
        return BookedReport(
            order=after,
            position=booked.position,
            new_fills=booked.new_fills,
            moved=booked.moved,
            reopened=None if late is None else late.close_reason or CloseReason.EXTERNAL,
        )

    async def _reopened(self, order: Order, report: OrderReport) -> Position | None:
        """Return the closed position that a late fill of its entry reopens, if any."""
        position_id = order.request.position_id
        is_late = order.request.leg is Leg.ENTRY and 0 < order.filled < report.filled
        if not is_late or position_id is None:
            return None
        stored = await self._trades.position(position_id)
        return None if stored is None or stored.is_open else stored.reopen()


def _booking(
    account: Account,
    order: Order,
    report: OrderReport,
    position: Position | None,
    levels: RebasedLevels | None,
) -> Booking:
    """Return what is committed for an order that is already in the report's state."""
    instrument = account.market.instrument(order.request.symbol)
    rules = None if position is None else account.settings_for(position.strategy).protection
    return Booking(
        order=order,
        fills=report.fills,
        position=position,
        reason=_close_reason(order, position),
        dust=instrument.lot,
        break_even_after=0 if rules is None else rules.break_even_after,
        tick=instrument.tick,
        levels=None if levels is None else levels.position,
        moved=() if levels is None else levels.orders,
    )


def _track_rebased_orders(account: Account, levels: RebasedLevels, position: Position) -> None:
    """Track the orders that were rebased, if the booking has applied ``levels``."""
    is_applied = (position.stop_loss, position.take_profits) == (
        levels.position.stop_loss,
        levels.position.take_profits,
    )
    for request in levels.orders if is_applied else ():
        account.track_order(Order(request=request))


def _close_reason(order: Order, position: Position | None) -> CloseReason:
    """Return the close reason that applies if this order's fills close the position."""
    if position is None:
        return CloseReason.EXTERNAL
    match order.request.leg:
        case Leg.STOP_LOSS:
            return position.stop_kind.close_reason
        case Leg.TAKE_PROFIT:
            return CloseReason.TAKE_PROFIT
        case Leg.EXIT | Leg.ENTRY:
            if position.close_reason is None and order.request.signal_id != position.signal_id:
                return CloseReason.EXIT_SIGNAL  # a partial exit that closed the rest
            return position.close_reason or CloseReason.EXTERNAL


def _log_change(before: Position | None, after: Position) -> None:
    names = {"user_id": after.user_id, "symbol": after.symbol, "position_id": after.position_id}
    if before is None:
        log.info(
            "position.opened",
            **names,
            side=after.side.value,
            quantity=text(after.quantity),
            entry=short_text(after.entry_price),
        )
    if not after.is_open:
        log.info(
            "position.closed",
            **names,
            reason=(after.close_reason or CloseReason.EXTERNAL).value,
            exit=short_text(after.exit_price or after.entry_price),
            pnl=text(round(after.net_pnl, 2)),
            fees=text(round(after.fees, 2)),
        )
    elif before is not None and after.quantity < before.quantity:
        log.info("position.reduced", **names, left=text(after.quantity))
    if before is not None and after.targets_hit > before.targets_hit:
        is_moved = after.stop_kind is StopKind.BREAK_EVEN is not before.stop_kind
        log.info("position.target_hit", **names, target=after.targets_hit, break_even=is_moved)


def _log_unconverted_fees(account: Account, fills: Iterable[Fill], rates: FeeRates) -> None:
    for fill in fills:
        if fill.foreign_fee_currency is not None and fill.foreign_fee_currency not in rates.prices:
            log.warning(
                "fee.conversion_failed",
                user_id=account.user_id,
                symbol=fill.symbol,
                trade_id=fill.trade_id,
                fee=text(fill.fee),
                coin=fill.foreign_fee_currency,
            )
