"""What the owner does on the exchange's web page, and another program on the same account."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from tests.venue.model import (
    Account,
    Kind,
    MarginMode,
    Order,
    Origin,
    PositionSide,
    Reason,
    Refused,
    Side,
    Ticket,
)
from tests.venue.risk import Risk


class Owner(Risk):
    """Orders and settings that do not come from the program under test."""

    def place_foreign(self, key: str, ask: Ticket) -> Order:
        """The owner places an order on the web page; an empty client id becomes ``web_...``."""
        return self._placed(key, ask, Origin.HAND, "web_")

    def place_other(self, key: str, ask: Ticket) -> Order:
        """A second bot places an order; an empty client id becomes ``other``."""
        return self._placed(key, ask, Origin.BOT, "other")

    def close_by_hand(
        self, key: str, symbol: str, quantity: Decimal | None = None, *,
        side: PositionSide = PositionSide.BOTH,
    ) -> Order:  # fmt: skip
        """The owner closes the position, a part of it, or more than it: then it turns round."""
        account = self.accounts[key]
        position = account.position(symbol, side)
        if not position.quantity:
            raise Refused(Reason.NO_POSITION)
        return self._close(account, position, Origin.HAND, f"web_{next(self._ids)}", quantity)

    def sell_by_hand(self, key: str, symbol: str, quantity: Decimal) -> Order:
        """The owner sells coins on spot: only what no order holds."""
        ask = Ticket(
            client_id="", symbol=symbol, side=Side.SELL, kind=Kind.MARKET, quantity=quantity,
            is_spot=True,
        )  # fmt: skip
        return self.place_foreign(key, ask)

    def cancel_by_hand(self, key: str, order_id: int) -> Order:
        """The owner cancels an order, whoever's it is."""
        account = self.accounts[key]
        order = account.orders[order_id]
        self.cancel(account, order)
        return order

    def amend_by_hand(self, key: str, order_id: int, **changes: Any) -> Order:
        """The owner changes quantity, price or trigger of an order, whoever's it is."""
        account = self.accounts[key]
        order = account.orders[order_id]
        self.amend(account, order, **changes)
        return order

    def set_position_mode(self, account: Account, *, hedged: bool, symbol: str = "") -> None:
        """One-way or hedge mode; refused while there are open orders or positions.

        Of one symbol where the exchange has it so (Bybit), else of the account.
        """
        touched = [each for each in self.markets if symbol in ("", each)]
        if any(order.ask.symbol in touched and not order.ask.is_spot
               for order in account.open.values()):  # fmt: skip
            raise Refused(Reason.ORDERS_OPEN, "mode")
        if any(account.of_symbol(each) for each in touched):
            raise Refused(Reason.POSITION_OPEN, "mode")
        if symbol:
            account.hedged_symbols[symbol] = hedged
        else:
            account.is_hedged, account.hedged_symbols = hedged, {}

    def set_margin_mode(self, account: Account, symbol: str, mode: MarginMode) -> None:
        """Change it; refused while there is a position or an open order."""
        self.market_of(symbol)
        if account.of_symbol(symbol):
            raise Refused(Reason.POSITION_OPEN)
        if any(order.ask.symbol == symbol for order in account.open.values()):
            raise Refused(Reason.ORDERS_OPEN)
        account.margin_mode[symbol] = mode
        self._changed_settings(account, symbol, "MARGIN_MODE")

    def set_leverage(self, account: Account, symbol: str, leverage: int) -> None:
        """Change it, by request or by the owner's hand."""
        if not 1 <= leverage <= self.market_of(symbol).max_leverage:
            raise Refused(Reason.LEVERAGE)
        if self.switches.strict_leverage:
            self._may_have(account, symbol, leverage)
        if not account.keeps_leverage:
            account.leverage[symbol] = leverage
            self._changed_settings(account, symbol, "LEVERAGE")

    def set_multi_assets(self, account: Account, *, multi: bool) -> None:
        """Multi-assets mode (Binance)."""
        account.is_multi_asset = multi
        self._changed_settings(account, "", "MULTI_ASSETS")

    def _may_have(self, account: Account, symbol: str, leverage: int) -> None:
        """Less leverage wants more margin; behind an isolated position it cannot be changed."""
        before = self.leverage(account, symbol)
        held = account.of_symbol(symbol)
        if not held or leverage >= before:
            return
        if self.is_isolated(account, symbol):
            raise Refused(Reason.LEVERAGE, "isolated")
        margin = sum((self.margin_of(account, each) for each in held), Decimal(0))
        if margin * before / leverage - margin > self.available(account):
            raise Refused(Reason.LEVERAGE, "margin")

    def _placed(self, key: str, ask: Ticket, origin: Origin, prefix: str) -> Order:
        named = ask.client_id or f"{prefix}{next(self._ids)}"
        return self.place(self.accounts[key], replace(ask, client_id=named, origin=origin))
