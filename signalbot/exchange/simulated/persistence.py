"""Converts the venue's objects to stored rows and back."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from signalbot.domain.orders import ClientOrderId, Fill
from signalbot.exchange.simulated.accounts import AccountPosition, ExchangeAccount, ListedMarket
from signalbot.exchange.simulated.order import EngineOrder
from signalbot.ledger.simulated_store import SimulatedAccount, SimulatedChange


def describe_change(
    account_position: AccountPosition,
    *,
    opened: Iterable[EngineOrder] = (),
    updated: Iterable[EngineOrder] = (),
    trades_before: int,
    forgotten: Sequence[ClientOrderId] = (),
    funded: bool = False,
) -> SimulatedChange:
    """The change of one position in a step; its account had ``trades_before`` trades before."""
    account = account_position.account
    changed = (*opened, *updated)
    return SimulatedChange(
        user_id=account.user_id,
        symbol=account_position.market.instrument.symbol,
        wallet=account.wallet,
        orders_made=account.orders_made,
        trades_made=account.trades_made,
        position=account_position.position,
        opened=tuple([order.saved() for order in opened]),
        updated=tuple([order.saved() for order in updated]),
        fills=tuple(
            [
                fill
                for order in changed
                for fill in order.fills
                if _trade_number(fill) > trades_before
            ]
        ),
        forgotten=tuple(forgotten),
        funded=funded,
    )


def restore_account(
    saved: SimulatedAccount, market_of: Callable[[str], ListedMarket]
) -> ExchangeAccount:
    """The account as stored, with its price levels back in their markets."""
    account = ExchangeAccount(saved.user_id, saved.wallet)
    account.orders_made = saved.orders_made
    account.trades_made = saved.trades_made
    for position in saved.positions:
        _restore_position(account, position.symbol, market_of).set_position(position)
    fills: defaultdict[ClientOrderId, list[Fill]] = defaultdict(list)
    for fill in saved.fills:
        fills[fill.client_order_id].append(fill)
    for each in saved.orders:
        order = EngineOrder(
            request=each.request,
            order_id=each.exchange_order_id,
            status=each.status,
            filled=each.filled,
            fills=fills[each.request.client_order_id],
            updated_at_ms=each.updated_at_ms,
            error=each.error,
        )
        account.orders[each.request.client_order_id] = order
        if each.status.is_live and order.touch_price is not None:
            _restore_position(account, each.request.symbol, market_of).add_resting(
                order, order.touch_price
            )
    ended = [order for order in account.orders.values() if order.status.is_final]
    for order in sorted(ended, key=lambda order: order.updated_at_ms):
        account.keep_ended(order)
    return account


def _restore_position(
    account: ExchangeAccount, symbol: str, market_of: Callable[[str], ListedMarket]
) -> AccountPosition:
    account_position = account.positions.get(symbol)
    if account_position is None:
        account_position = account.positions[symbol] = AccountPosition(account, market_of(symbol))
    return account_position


def _trade_number(fill: Fill) -> int:
    return int(fill.trade_id.removeprefix("t"))
