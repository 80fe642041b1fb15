"""Books external changes of a position: closed by hand, reduced, liquidated."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import groupby

import structlog

from signalbot.domain.errors import Unavailable
from signalbot.domain.money import ZERO
from signalbot.domain.orders import (
    ClientOrderId,
    Fill,
    ForcedClose,
    Leg,
    Order,
    OrderReport,
    OrderRequest,
    OrderStatus,
    OrderType,
    exit_side,
)
from signalbot.domain.positions import CloseReason, Position, PositionStatus
from signalbot.domain.users import UserStatus
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.orders.booking import FillBooker
from signalbot.pipeline.positions.closing import PositionCloser
from signalbot.pipeline.trading_state import TradingState, failure_log_level
from signalbot.ports import Clock

log = structlog.get_logger()


class ExternalChangeDetector:
    """Books fills that are not in the ledger, so that PnL and close reason are correct."""

    def __init__(
        self,
        *,
        trades: Trades,
        fill_booker: FillBooker,
        position_closer: PositionCloser,
        trading_state: TradingState,
        clock: Clock,
    ) -> None:
        self._trades = trades
        self._fill_booker = fill_booker
        self._position_closer = position_closer
        self._trading_state = trading_state
        self._clock = clock

    async def explain(self, account: Account, position: Position) -> None:
        """Book every unbooked fill that reduced ``position``.

        Fills of our own orders are booked on those orders. Fills of the owner's orders, or of
        forced closes, are booked up to the position's quantity. A liquidation halts the user.
        Without a response from the exchange no fill is booked.
        """
        try:
            fills = await account.trading_broker.fills(
                position.symbol, since_ms=position.opened_at_ms
            )
        except Unavailable as e:
            log.log(
                failure_log_level(e), "fills.fetch_failed", user_id=account.user_id, cause=str(e)
            )
            return
        ours = await self._own_orders(position)
        closing = [fill for fill in fills if fill.side is exit_side(position.side)]
        is_liquidation = False
        for order_id, taken in _by_order(closing):
            held = account.positions.get(position.symbol)
            if held is None or held.position_id != position.position_id:
                break
            own_order = ours.get(order_id)
            if own_order is not None:
                await self._book_missed_fills(account, own_order, taken)
            else:
                is_liquidation = is_liquidation or any(fill.is_liquidation for fill in taken)
                await self._adopt(account, held, order_id, taken)
        if is_liquidation:
            why = f"the position in {position.symbol} was liquidated"
            await self._trading_state.set_user_status(account, UserStatus.HALTED, reason=why)

    async def release_closed(self, account: Account, before: Position | None) -> None:
        """Cancel the protection of the position ``before`` if it was closed since."""
        if before is not None and before.symbol not in account.positions:
            await self._position_closer.cancel_protection(account, before)

    async def record_absence(self, account: Account, position: Position) -> None:
        """Count a response without the position; close it in the ledger once that is proof."""
        is_proven = account.absences.record_miss(
            position.position_id,
            self._clock.now_ms(),
            apart_ms=account.trading_broker.visibility_lag_ms,
        )
        if is_proven:
            await self._close_externally(account, position)

    async def _close_externally(self, account: Account, position: Position) -> None:
        """Close a position in the ledger that is provably not held, and that no fill explains."""
        closed = replace(
            position,
            status=PositionStatus.CLOSED,
            close_reason=CloseReason.EXTERNAL,
            closed_at_ms=self._clock.now_ms(),
        )
        log.warning("position.closed_externally", user_id=account.user_id, symbol=position.symbol)
        account.absences.record_seen(position.position_id)
        await self._trades.save_position(closed)
        account.update_position(closed)
        await self._position_closer.cancel_protection(account, closed)

    async def _own_orders(self, position: Position) -> dict[str, Order]:
        """Return our orders of the position by both ids: a fill may carry the exchange's id."""
        found: dict[str, Order] = {}
        for order in await self._trades.orders_of_position(position.position_id):
            found[order.client_order_id] = order
            if order.exchange_order_id:
                found[order.exchange_order_id] = order
        return found

    async def _book_missed_fills(
        self, account: Account, order: Order, fills: Sequence[Fill]
    ) -> None:
        """Book fills of our own order that its last report did not contain."""
        filled = sum((fill.quantity for fill in fills), ZERO)
        if filled <= order.filled or order.status is OrderStatus.REJECTED:
            return
        is_complete = filled >= order.request.quantity
        ended = OrderStatus.CANCELLED if order.status.is_final else OrderStatus.PARTIALLY_FILLED
        report = replace(
            order.report(),
            status=OrderStatus.FILLED if is_complete else ended,
            filled=filled,
            average_price=_average(fills),
            fills=tuple(replace(f, client_order_id=order.client_order_id) for f in fills),
            updated_at_ms=fills[-1].filled_at_ms,
        )
        await self._fill_booker.book(account, order, report)

    async def _adopt(
        self, account: Account, position: Position, order_id: ClientOrderId, fills: Sequence[Fill]
    ) -> None:
        """Store the order of external fills as an exit, with the reason of the close, and book it.

        Of an order that closed more than our position, only that part is booked.
        """
        own_fills = _fills_within(fills, position)
        if not own_fills:
            return
        first = own_fills[0]
        quantity = sum((fill.quantity for fill in own_fills), ZERO)
        forced = first.forced
        request = external_exit_request(position, order_id, first, quantity)
        explained = replace(position, close_reason=forced_close_reason(forced))
        await self._trades.intend([request], explained)
        account.update_position(explained)
        report = OrderReport(
            client_order_id=order_id,
            exchange_order_id=None,
            symbol=position.symbol,
            status=OrderStatus.FILLED,
            filled=quantity,
            average_price=_average(own_fills),
            fills=tuple(own_fills),
            updated_at_ms=own_fills[-1].filled_at_ms,
        )
        log_external_close(account, position.symbol, forced)
        await self._fill_booker.book(account, Order(request=request), report)


def external_exit_request(
    position: Position, order_id: ClientOrderId, fill: Fill, quantity: Decimal
) -> OrderRequest:
    """Return the exit that an order of the owner or of the exchange stands for.

    ``fill`` is its first fill.
    """
    return OrderRequest(
        client_order_id=order_id,
        user_id=position.user_id,
        exchange=position.exchange,
        symbol=position.symbol,
        leg=Leg.EXIT,
        side=fill.side,
        type=OrderType.MARKET,
        quantity=quantity,
        reduce_only=True,
        leverage=position.leverage,
        signal_id=position.signal_id,
        position_id=position.position_id,
        intended_at_ms=fill.filled_at_ms,
    )


def forced_close_reason(forced: ForcedClose | None) -> CloseReason:
    """Return the close reason of a position that none of our orders closed."""
    match forced:
        case ForcedClose.LIQUIDATION:
            return CloseReason.LIQUIDATION
        case ForcedClose.DELEVERAGING:
            return CloseReason.DELEVERAGING
        case None:
            return CloseReason.EXTERNAL


def log_external_close(account: Account, symbol: str, forced: ForcedClose | None) -> None:
    """Log that a position, or a part of it, was closed externally."""
    names = {"user_id": account.user_id, "symbol": symbol}
    match forced:
        case ForcedClose.LIQUIDATION:
            log.error("position.liquidated", **names)
        case ForcedClose.DELEVERAGING:
            log.error("position.deleveraged", **names)
        case None:
            log.warning("position.closed_externally", **names)


def _fills_within(fills: Sequence[Fill], position: Position) -> list[Fill]:
    """Return ``fills`` up to the position's quantity; the last one is cut to fit."""
    left, own_fills = position.quantity, []
    for fill in fills:
        part = min(fill.quantity, left)
        if part <= ZERO:
            break
        share = part / fill.quantity
        own_fills.append(fill if share == 1 else replace(fill, quantity=part, fee=fill.fee * share))
        left -= part
    return own_fills


def _average(fills: Sequence[Fill]) -> Decimal:
    quantity = sum((fill.quantity for fill in fills), ZERO)
    return sum((fill.quantity * fill.price for fill in fills), ZERO) / quantity


def _by_order(fills: Iterable[Fill]) -> list[tuple[ClientOrderId, list[Fill]]]:
    """Group fills by order, sorted by time within each order and by first fill between orders."""
    ordered = sorted(fills, key=lambda fill: (fill.client_order_id, fill.filled_at_ms))
    groups = [(key, list(group)) for key, group in groupby(ordered, lambda f: f.client_order_id)]
    return sorted(groups, key=lambda each: each[1][0].filled_at_ms)
