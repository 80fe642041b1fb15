"""Books what an exchange reports: order state, new fills and the position, in one commit."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from signalbot.domain.money import ZERO, brief, text
from signalbot.domain.orders import Fill, Leg, Order, OrderReport
from signalbot.domain.positions import CloseReason, Position
from signalbot.domain.signals import Execution
from signalbot.ledger.trades import Booking, Trades
from signalbot.pipeline.account import Account

log = structlog.get_logger()


def _nothing(_account: Account, _order: Order) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    order: Order
    position: Position | None  #: as it is now; closed positions are given once
    new_fills: tuple[Fill, ...]
    moved: bool  #: whether the position changed


class Recorder:
    """The one way reports enter ledger and account; the same report twice changes nothing."""

    def __init__(
        self, trades: Trades, *, on_untold: Callable[[Account, Order], None] = _nothing
    ) -> None:
        """``on_untold`` is called with orders that filled before their fills were told."""
        self._trades = trades
        self._on_untold = on_untold

    async def record(
        self,
        account: Account,
        order: Order,
        report: OrderReport,
        *,
        opens: Position | None = None,
        execution: Execution | None = None,
    ) -> Recorded:
        """Book ``report`` of ``order``; ``opens`` is the position its first fill would start.

        Raises:
            IllegalTransition: the report contradicts what is known of the order or position.
        """
        held = account.positions.get(order.request.symbol)
        if held is not None and held.position_id != order.request.position_id:
            held = None  # a late word of an order whose position is history
        before = held or opens
        after = order.apply(report)
        booked = await self._trades.book(
            Booking(
                order=after,
                fills=report.fills,
                position=before,
                reason=_reason(after, before),
                execution=execution,
                dust=account.market.instrument(order.request.symbol).lot,
            )
        )
        account.keep(after)
        if sum((fill.quantity for fill in report.fills), ZERO) < after.filled:
            self._on_untold(account, after)
        if booked.position is not None and booked.moved:
            account.hold(booked.position)
            _tell(held, booked.position)
        return Recorded(
            order=after,
            position=booked.position,
            new_fills=booked.new_fills,
            moved=booked.moved,
        )


def _reason(order: Order, position: Position | None) -> CloseReason:
    """Why the position would close if this order's fills close it."""
    if position is None:
        return CloseReason.EXTERNAL
    match order.request.leg:
        case Leg.STOP_LOSS:
            return position.stop_kind.close_reason
        case Leg.TAKE_PROFIT:
            return CloseReason.TAKE_PROFIT
        case Leg.EXIT | Leg.ENTRY:
            return position.close_reason or CloseReason.EXTERNAL


def _tell(before: Position | None, after: Position) -> None:
    names = {"user_id": after.user_id, "symbol": after.symbol, "position_id": after.position_id}
    if before is None:
        log.info(
            "position.opened",
            **names,
            side=after.side.value,
            quantity=text(after.quantity),
            entry=brief(after.entry_price),
        )
    if not after.is_open:
        log.info(
            "position.closed",
            **names,
            reason=(after.close_reason or CloseReason.EXTERNAL).value,
            exit=brief(after.exit_price or after.entry_price),
            pnl=text(round(after.net_pnl, 2)),
            fees=text(round(after.fees, 2)),
        )
    elif before is not None and after.quantity < before.quantity:
        log.info("position.reduced", **names, left=text(after.quantity))
