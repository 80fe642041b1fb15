"""Explains what happened to a position outside of us: closed by hand, reduced, liquidated."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

import structlog

from signalbot.domain.errors import Unavailable
from signalbot.domain.money import ZERO
from signalbot.domain.orders import (
    ClientOrderId,
    Fill,
    Leg,
    Order,
    OrderReport,
    OrderRequest,
    OrderStatus,
    OrderType,
    exit_side,
)
from signalbot.domain.positions import CloseReason, Position
from signalbot.ledger.trades import Trades
from signalbot.pipeline.account import Account
from signalbot.pipeline.news import level_of
from signalbot.pipeline.record import Recorder

log = structlog.get_logger()


class Outsider:
    """Books fills that no order of ours explains, so that PnL and reason of a close are true."""

    def __init__(self, trades: Trades, recorder: Recorder) -> None:
        self._trades = trades
        self._recorder = recorder

    async def explain(self, account: Account, position: Position) -> bool:
        """Adopt every foreign fill that took something out of ``position``.

        True when the exchange took it by force.

        Orders of ours whose fills are missing are settled elsewhere. Without an answer, or when
        the fills tell of more than the position holds, nothing is booked.
        """
        try:
            fills = await account.trading.fills(position.symbol, since_ms=position.opened_at_ms)
        except Unavailable as e:
            log.log(level_of(e), "fills.not_told", user_id=account.user_id, cause=str(e))
            return False
        known = await self._known(position)
        foreign = [
            fill
            for fill in fills
            if fill.side is exit_side(position.side) and fill.client_order_id not in known
        ]
        left = position.quantity
        for client_order_id, group in _by_order(foreign):
            taken = tuple(group)
            quantity = sum((fill.quantity for fill in taken), ZERO)
            if quantity > left:
                break
            await self._adopt(account, client_order_id, taken)
            left -= quantity
        return any(fill.is_liquidation for fill in foreign)

    async def _known(self, position: Position) -> set[str]:
        """Our orders of the position, by either id: a fill may be told under the exchange's."""
        orders = await self._trades.orders_of_position(position.position_id)
        ours: set[str] = {order.client_order_id for order in orders}
        return ours | {order.exchange_order_id for order in orders if order.exchange_order_id}

    async def _adopt(
        self, account: Account, client_order_id: ClientOrderId, fills: Sequence[Fill]
    ) -> None:
        """The order behind foreign fills becomes one of ours, an exit that tells why."""
        first = fills[0]
        position = account.positions[first.symbol]
        quantity = sum((fill.quantity for fill in fills), ZERO)
        is_liquidation = any(fill.is_liquidation for fill in fills)
        reason = CloseReason.LIQUIDATION if is_liquidation else CloseReason.EXTERNAL
        request = OrderRequest(
            client_order_id=client_order_id,
            user_id=account.user_id,
            exchange=position.exchange,
            symbol=position.symbol,
            leg=Leg.EXIT,
            side=first.side,
            type=OrderType.MARKET,
            quantity=quantity,
            reduce_only=True,
            leverage=position.leverage,
            signal_id=position.signal_id,
            position_id=position.position_id,
            intended_at_ms=first.filled_at_ms,
        )
        told = replace(position, close_reason=reason)
        await self._trades.intend([request], told)
        account.hold(told)
        report = OrderReport(
            client_order_id=client_order_id,
            exchange_order_id=None,
            symbol=position.symbol,
            status=OrderStatus.FILLED,
            filled=quantity,
            average_price=sum((fill.quantity * fill.price for fill in fills), ZERO) / quantity,
            fills=tuple(fills),
            updated_at_ms=fills[-1].filled_at_ms,
        )
        if is_liquidation:
            log.error("position.liquidated", user_id=account.user_id, symbol=position.symbol)
        else:
            log.warning("position.closed_outside", user_id=account.user_id, symbol=position.symbol)
        await self._recorder.record(account, Order(request=request), report)


def _by_order(fills: Iterable[Fill]) -> Iterable[tuple[ClientOrderId, Iterable[Fill]]]:
    ordered = sorted(fills, key=lambda fill: (fill.client_order_id, fill.filled_at_ms))
    groups = [(key, list(group)) for key, group in groupby(ordered, lambda f: f.client_order_id)]
    return sorted(groups, key=lambda each: each[1][0].filled_at_ms)
