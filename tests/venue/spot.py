"""Spot markets beside perpetuals: coins change hands, nothing is owed, nothing is leveraged.

A spot holding is shown as a long position whose quantity is the balance of the base coin, so the
journal sees entries, exits and stops as it does on perpetuals. A sell is always reduce-only: an
account cannot sell what it does not have.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, ClassVar

from tests.venue.engine import Engine
from tests.venue.events import OrderChanged
from tests.venue.journal import Deed
from tests.venue.model import (
    ZERO,
    Account,
    Market,
    Order,
    Position,
    Reason,
    Refused,
    Side,
    Status,
    Ticket,
)
from tests.venue.rules import check_form, check_trigger
from tests.venue.settlement import Fee


@dataclass(frozen=True, slots=True, kw_only=True)
class SpotMarket(Market):
    """Where ``base`` is bought and sold for ``quote``."""

    is_spot: bool = True


def coins_of(account: Account) -> dict[str, Decimal]:
    """The balances by coin, coins held by orders included."""
    return account.coins


class SpotEngine(Engine):
    """An exchange with spot markets, alone or beside perpetuals."""

    #: What an account holds unless it is opened with ``coins``.
    initial_coins: ClassVar[dict[str, Decimal]] = {"USDT": Decimal(10_000)}
    #: Whether an order that waits for its trigger holds the coins it will need.
    conditional_orders_hold: bool = False
    #: Whether the fee of a buy is taken from what was bought; otherwise it is paid in quote.
    buy_fee_in_base: bool = True
    spot_taker_fee: Decimal = Decimal("0.002")
    spot_maker_fee: Decimal = Decimal("0.002")

    def add(self, key: str, **more: Any) -> Account:
        """Open an account; ``coins`` are its balances by coin."""
        given = more.pop("coins", self.initial_coins)
        coins = {coin: Decimal(amount) for coin, amount in given.items()}
        account = super().add(key, coins=coins, **more)
        for symbol in self.markets:
            self._show_holding(account, symbol)
        return account

    def is_spot(self, symbol: str) -> bool:
        return isinstance(self.markets.get(symbol), SpotMarket)

    def spot_markets(self) -> list[SpotMarket]:
        return [each for each in self.markets.values() if isinstance(each, SpotMarket)]

    def perpetuals(self) -> list[Market]:
        return [each for each in self.markets.values() if not isinstance(each, SpotMarket)]

    # --- balances ---------------------------------------------------------------------------

    def hold_of(self, order: Order) -> tuple[str, Decimal]:
        """The coin and amount that an open spot order holds; nothing for any other order."""
        market, ask = self.markets[order.ask.symbol], order.ask
        if not isinstance(market, SpotMarket) or not order.is_open:
            return "", ZERO
        if order.is_waiting and not self.conditional_orders_hold:
            return "", ZERO
        if ask.side is Side.SELL:
            return market.base, order.remaining
        return market.quote, order.remaining * (ask.price or ask.trigger or ZERO)

    def held_coins(self, account: Account, coin: str) -> Decimal:
        """What open orders hold of a coin."""
        holds = (self.hold_of(order) for order in account.open.values())
        return sum((amount for held, amount in holds if held == coin), ZERO)

    def free_coins(self, account: Account, coin: str) -> Decimal:
        """What new orders may use of a coin."""
        return coins_of(account).get(coin, ZERO) - self.held_coins(account, coin)

    def set_coins(self, account: Account, coin: str, amount: Decimal) -> None:
        """Change a balance, as a deposit or a withdrawal does."""
        coins_of(account)[coin] = amount
        for symbol in self.markets:
            self._show_holding(account, symbol)

    def fee_coin(self, symbol: str, side: Side) -> str:
        """The coin in which a trade's fee is paid."""
        market = self.markets[symbol]
        in_base = isinstance(market, SpotMarket) and side is Side.BUY and self.buy_fee_in_base
        return market.base if in_base else market.quote

    # --- the engine's rules, for spot -----------------------------------------------------------

    def place(self, account: Account, ask: Ticket) -> Order:
        """Take an order; a spot sell is made reduce-only."""
        if self.is_spot(ask.symbol):
            ask = replace(ask, reduce_only=ask.side is Side.SELL)
        return super().place(account, ask)

    def place_or_cancel(self, account: Account, ask: Ticket) -> Order:
        """Take an order; a post-only order that would take is accepted, then canceled."""
        try:
            return SpotEngine.place(self, account, ask)
        except Refused as e:
            if e.reason is not Reason.POST_ONLY:
                raise
        order = self._accept(account, ask)
        self._tell(OrderChanged(account=account, order=order, deed=Deed.ACCEPTED))
        self._end(account, order, Status.CANCELED)
        return order

    def unrealized(self, account: Account, position: Position) -> Decimal:
        return ZERO if self.is_spot(position.symbol) else super().unrealized(account, position)

    def margin_of(self, account: Account, position: Position) -> Decimal:
        return ZERO if self.is_spot(position.symbol) else super().margin_of(account, position)

    def reserved(self, account: Account) -> Decimal:
        """Initial margin of resting entries on perpetuals."""
        total = ZERO
        for order in account.open.values():
            ask = order.ask
            if self.is_spot(ask.symbol) or order.is_conditional:
                continue
            if not (ask.reduce_only or ask.close_position):
                notional = order.remaining * (ask.price or ZERO)
                total += notional / self.leverage(account, ask.symbol)
        return total

    def _check(self, account: Account, ask: Ticket, *, instead_of: Order | None = None) -> None:
        market = self.market_of(ask.symbol)
        if not isinstance(market, SpotMarket):
            super()._check(account, ask, instead_of=instead_of)
            return
        check_form(self, account, ask, is_new=instead_of is None)
        check_trigger(self, ask)
        price = ask.price or ask.trigger or self.prices[ask.symbol]
        if ask.quantity * price < market.min_notional:
            raise Refused(Reason.NOTIONAL)
        if ask.trigger is not None and not self.conditional_orders_hold:
            return  # looked at when it triggers
        coin, needed = market.base, ask.quantity
        if ask.side is Side.BUY:
            coin, needed = market.quote, ask.quantity * price
            if not self.buy_fee_in_base:
                needed *= 1 + self.spot_taker_fee
        already = self.hold_of(instead_of)[1] if instead_of is not None else ZERO
        if needed > self.free_coins(account, coin) + already:
            raise Refused(Reason.MARGIN)

    def _refusal(self, account: Account, order: Order, wanted: Ticket) -> Reason | None:
        """A triggered spot order has what there is when it trades; nothing is looked at before."""
        if self.is_spot(order.ask.symbol):
            return None
        return super()._refusal(account, order, wanted)

    def _fillable(
        self, account: Account, order: Order, quantity: Decimal, price: Decimal
    ) -> Decimal:
        market, ask = self.markets[order.ask.symbol], order.ask
        if not isinstance(market, SpotMarket):
            return super()._fillable(account, order, quantity, price)
        coin, cost = market.base, Decimal(1)
        if ask.side is Side.BUY:
            coin, cost = market.quote, price
            if not self.buy_fee_in_base:
                cost *= 1 + self.spot_taker_fee
        held, own = self.hold_of(order)
        free = self.free_coins(account, coin) + (own if coin == held else ZERO)
        return max(ZERO, min(quantity, to_lot(free / cost, market)))

    def _settle(
        self, account: Account, ask: Ticket, quantity: Decimal, price: Decimal, *,
        is_maker: bool,
    ) -> tuple[Decimal, Fee]:  # fmt: skip
        market = self.markets[ask.symbol]
        if not isinstance(market, SpotMarket):
            return super()._settle(account, ask, quantity, price, is_maker=is_maker)
        rate = self.spot_maker_fee if is_maker else self.spot_taker_fee
        coin = self.fee_coin(ask.symbol, ask.side)
        fee = Fee(coin, (quantity if coin == market.base else quantity * price) * rate)
        coins, sign = coins_of(account), ask.side.sign
        self._move(account, ask, quantity, price)
        for name, change in (
            (market.base, sign * quantity), (market.quote, -sign * quantity * price),
            (fee.coin, -fee.amount),
        ):  # fmt: skip
            coins[name] = coins.get(name, ZERO) + change
        self._show_holding(account, ask.symbol)
        return ZERO, fee

    def _show_holding(self, account: Account, symbol: str) -> None:
        """Let the position of a spot market be the balance of its base coin."""
        market = self.markets[symbol]
        if isinstance(market, SpotMarket):
            position = account.position(symbol)
            position.quantity = coins_of(account).get(market.base, ZERO)


def to_lot(quantity: Decimal, market: Market) -> Decimal:
    """``quantity`` rounded down to the lot."""
    return quantity - quantity % market.lot
