"""Between the venue's live objects and the rows its store keeps."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from signalbot.domain.orders import ClientOrderId, Fill
from signalbot.exchange.simulated.account import Account, Listing, Stake
from signalbot.exchange.simulated.order import VenueOrder
from signalbot.ledger.simulated import SimulatedAccount, SimulatedChange


def change_of(
    stake: Stake,
    *,
    opened: Iterable[VenueOrder] = (),
    updated: Iterable[VenueOrder] = (),
    trades_before: int,
    forgotten: Sequence[ClientOrderId] = (),
    funded: bool = False,
) -> SimulatedChange:
    """What a step did to one stake, whose account had made ``trades_before`` trades before it."""
    account = stake.account
    changed = (*opened, *updated)
    return SimulatedChange(
        user_id=account.user_id,
        symbol=stake.listing.instrument.symbol,
        wallet=account.wallet,
        orders_made=account.orders_made,
        trades_made=account.trades_made,
        position=stake.position,
        opened=tuple([order.saved() for order in opened]),
        updated=tuple([order.saved() for order in updated]),
        fills=tuple(
            [fill for order in changed for fill in order.fills if _number(fill) > trades_before]
        ),
        forgotten=tuple(forgotten),
        funded=funded,
    )


def restore_account(saved: SimulatedAccount, listing_of: Callable[[str], Listing]) -> Account:
    """The account as it was, with every level it waits for back in its market."""
    account = Account(saved.user_id, saved.wallet)
    account.orders_made = saved.orders_made
    account.trades_made = saved.trades_made
    for position in saved.positions:
        _stake(account, position.symbol, listing_of).hold(position)
    fills: defaultdict[ClientOrderId, list[Fill]] = defaultdict(list)
    for fill in saved.fills:
        fills[fill.client_order_id].append(fill)
    for each in saved.orders:
        order = VenueOrder(
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
            _stake(account, each.request.symbol, listing_of).rest(order, order.touch_price)
    ended = [order for order in account.orders.values() if order.status.is_final]
    for order in sorted(ended, key=lambda order: order.updated_at_ms):
        account.remember(order)
    return account


def _stake(account: Account, symbol: str, listing_of: Callable[[str], Listing]) -> Stake:
    stake = account.stakes.get(symbol)
    if stake is None:
        stake = account.stakes[symbol] = Stake(account, listing_of(symbol))
    return stake


def _number(fill: Fill) -> int:
    return int(fill.trade_id.removeprefix("t"))
