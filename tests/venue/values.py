"""What accounts are worth, what of it is in use, and what is free."""

from collections.abc import Iterable
from decimal import Decimal

from tests.venue.model import (
    ZERO,
    Account,
    MarginMode,
    Market,
    Order,
    Position,
    Reason,
    Refused,
    Rules,
    Side,
)


class Valued:
    """Markets, accounts and prices, and what follows from them."""

    def __init__(self, markets: Iterable[Market], rules: Rules | None = None) -> None:
        self.markets = {market.id: market for market in markets}
        self.rules = rules or Rules()
        self.accounts: dict[str, Account] = {}
        self.prices: dict[str, Decimal] = {}
        self.marks: dict[str, Decimal] = {}
        self.coin_prices: dict[str, Decimal] = {"BNB": Decimal(600)}  #: of coins without a market

    def market_of(self, symbol: str) -> Market:
        """The market under this id; refuses an unknown one."""
        if symbol not in self.markets:
            raise Refused(Reason.UNKNOWN_SYMBOL)
        return self.markets[symbol]

    def coin_price(self, coin: str) -> Decimal:
        """What a coin is worth in quote units."""
        for market in self.markets.values():
            if market.base == coin:
                return self.prices[market.id]
        return self.coin_prices.get(coin, Decimal(1))

    # --- positions --------------------------------------------------------------------------

    def leverage(self, account: Account, symbol: str) -> int:
        return account.leverage.get(symbol, self.rules.default_leverage)

    def margin_mode(self, account: Account, symbol: str) -> MarginMode:
        return account.margin_mode.get(symbol, MarginMode.CROSS)

    def is_isolated(self, account: Account, symbol: str) -> bool:
        return self.margin_mode(account, symbol) is MarginMode.ISOLATED

    def unrealized(self, account: Account, position: Position) -> Decimal:
        """Profit at the mark price, in quote units."""
        if not position.quantity:
            return ZERO
        return (self.marks[position.symbol] - position.entry) * position.quantity

    def margin_of(self, account: Account, position: Position) -> Decimal:
        """Initial margin of a position, at the mark price."""
        if not position.quantity:
            return ZERO
        notional = abs(position.quantity) * self.marks[position.symbol]
        return notional / self.leverage(account, position.symbol)

    def maintenance_of(self, position: Position) -> Decimal:
        """The margin below which a position is liquidated, by the market's brackets."""
        notional = abs(position.quantity) * self.marks[position.symbol]
        bracket = self.markets[position.symbol].bracket(notional)
        return max(ZERO, notional * bracket.ratio - bracket.cum)

    # --- money --------------------------------------------------------------------------------

    def reserved(self, account: Account) -> Decimal:
        """Initial margin of resting entries."""
        return sum(
            (order.remaining * (order.ask.price or ZERO) / self.leverage(account, order.ask.symbol)
             for order in account.open.values()
             if not (order.ask.reduces or order.ask.is_spot or order.is_conditional)),
            ZERO,
        )  # fmt: skip

    def equity(self, account: Account) -> Decimal:
        """Wallet plus unrealized profit."""
        held = account.positions.values()
        return self.collateral(account) + sum(
            (self.unrealized(account, each) for each in held), ZERO
        )

    def collateral(self, account: Account) -> Decimal:
        """What counts as margin before any profit or loss."""
        return account.wallet

    def available(self, account: Account) -> Decimal:
        """What new entries may use as margin; never negative.

        What stands behind isolated positions is theirs, and so is their profit.
        """
        free = (
            self.collateral(account)
            - self.reserved(account)
            - self.locked(account, account.currency)
        )
        for each in account.positions.values():
            if not each.quantity:
                continue
            if self.is_isolated(account, each.symbol):
                free -= each.margin
            else:
                free += self.unrealized(account, each) - self.margin_of(account, each)
        return max(ZERO, free)

    def locked(self, account: Account, coin: str) -> Decimal:
        """What open spot orders hold of a coin; orders of one group hold it once."""
        total, groups = ZERO, dict[str, Decimal]()
        for order in account.open.values():
            if not order.ask.is_spot or (order.is_waiting and not order.ask.holds):
                continue
            held, amount = self.hold_of(order)
            if held != coin:
                continue
            if group := order.ask.group:
                groups[group] = max(groups.get(group, ZERO), amount)
            else:
                total += amount
        return total + sum(groups.values(), ZERO)

    def hold_of(self, order: Order) -> tuple[str, Decimal]:
        """The coin an open spot order holds, and how much."""
        ask, market = order.ask, self.markets[order.ask.symbol]
        if ask.side is Side.SELL:
            return market.base, order.remaining
        if ask.quote_quantity is not None:
            return market.quote, ask.quote_quantity - order.cost
        return market.quote, order.remaining * (ask.price or ask.trigger or self.prices[market.id])

    def held_by(self, account: Account, group: str, coin: str) -> Decimal:
        """What the open orders of a group hold together."""
        held = [self.hold_of(each) for each in account.open.values() if each.ask.group == group]
        return max((amount for name, amount in held if name == coin), default=ZERO)

    def free(self, account: Account, coin: str) -> Decimal:
        """What of a coin may be sold or spent on spot; never negative."""
        if coin == account.currency:
            return self.available(account)
        return max(ZERO, account.balance(coin) - self.locked(account, coin))
