"""Liquidation, auto-deleveraging and the insurance fund."""

from decimal import Decimal

from tests.venue.events import MarginCalled
from tests.venue.model import (
    ZERO,
    Account,
    Kind,
    Order,
    Origin,
    Position,
    PositionSide,
    Reason,
    Refused,
    Status,
    Ticket,
)
from tests.venue.order_entry import Placing


class Risk(Placing):
    """What the exchange does to positions without being asked."""

    #: What clearance fees have brought and losses beyond the margin have cost.
    insurance = ZERO

    def liquidate(self, key: str, symbol: str, *, price: Decimal | None = None) -> Order:
        """The exchange closes the positions by force: entries are cancelled first."""
        account = self.accounts[key]
        if price is not None:
            self.prices[symbol] = self.marks[symbol] = price
        positions = account.of_symbol(symbol)
        if not positions:
            raise Refused(Reason.NO_POSITION)
        self._cancel_entries(account, symbol)
        closed = [
            self._close(account, each, Origin.LIQUIDATION, f"autoclose-{self.now_ms()}")
            for each in positions
        ]
        return closed[-1]

    def deleverage(
        self, key: str, symbol: str, quantity: Decimal | None = None, *,
        price: Decimal | None = None, side: PositionSide = PositionSide.BOTH,
    ) -> Order:  # fmt: skip
        """The exchange takes (a part of) a position to pay for somebody's bankruptcy."""
        account = self.accounts[key]
        position = account.position(symbol, side)
        if not position.quantity:
            raise Refused(Reason.NO_POSITION)
        before = self.prices[symbol]
        self.prices[symbol] = price or before
        try:
            return self._close(account, position, Origin.ADL, "adl_autoclose", quantity)
        finally:
            self.prices[symbol] = before

    def check_margins(self, symbol: str) -> None:
        """Liquidate whoever has no maintenance margin left at the present mark price."""
        for account in list(self.accounts.values()):
            for position in account.of_symbol(symbol):
                if not self.is_isolated(account, symbol):
                    self._check_cross(account)
                elif position.margin + self.unrealized(account, position) <= self.maintenance_of(
                    position
                ):
                    self._wipe(account, [position], position.margin)

    def _check_cross(self, account: Account) -> None:
        held = [each for each in account.positions.values() if each.quantity]
        cross = [each for each in held if not self.is_isolated(account, each.symbol)]
        isolated = sum((each.margin for each in held if each not in cross), ZERO)
        behind = account.wallet - isolated
        profit = sum((self.unrealized(account, each) for each in cross), ZERO)
        needed = sum((self.maintenance_of(each) for each in cross), ZERO)
        if cross and behind + profit <= needed:
            self._wipe(account, cross, behind)

    def _wipe(self, account: Account, positions: list[Position], behind: Decimal) -> None:
        """Close at the mark price; no more is lost than the margin that is ``behind``."""
        self._tell(MarginCalled(account=account, positions=tuple(positions)))
        before = account.wallet
        for position in positions:
            notional = abs(position.quantity) * self.marks[position.symbol]
            self._cancel_entries(account, position.symbol)
            self._close(account, position, Origin.LIQUIDATION, f"autoclose-{self.now_ms()}")
            left = max(ZERO, behind + account.wallet - before)
            fee = min(left, notional * self.markets[position.symbol].liquidation_fee)
            self._clear(account, position.symbol, -fee)
        self._clear(account, positions[-1].symbol, max(ZERO, before - behind - account.wallet))

    def _clear(self, account: Account, symbol: str, change: Decimal) -> None:
        if change:
            self.insurance -= change
            self.credit(account, change, "INSURANCE_CLEAR", symbol)

    def _cancel_entries(self, account: Account, symbol: str) -> None:
        for order in list(account.open.values()):
            if order.ask.symbol == symbol and not order.is_conditional:
                self._end(account, order, Status.CANCELED, by_user=False, why="LIQUIDATION")

    def _close(
        self, account: Account, position: Position, origin: Origin, client_id: str,
        quantity: Decimal | None = None,
    ) -> Order:  # fmt: skip
        """A market order against a position; one larger than it turns it round."""
        held = abs(position.quantity)
        wanted = held if quantity is None else quantity
        return self.place(
            account,
            Ticket(
                client_id=client_id, symbol=position.symbol, side=position.closing,
                kind=Kind.MARKET, quantity=wanted, origin=origin, position_side=position.side,
                reduce_only=position.side is PositionSide.BOTH and wanted <= held,
            ),
        )  # fmt: skip
