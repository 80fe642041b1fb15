"""How orders trade: accepting, matching, triggering, filling, and what it does to an account.

The inside of ``Engine``. Nothing here waits: a pause between partial fills goes through ``later``.
"""

from dataclasses import replace
from decimal import ROUND_DOWN, Decimal

from tests.venue.events import AccountChanged, OrderChanged
from tests.venue.journal import Deed
from tests.venue.matching import Fills, adverse, is_past, would_take
from tests.venue.model import (
    ZERO,
    Account,
    Attached,
    Kind,
    Order,
    Origin,
    PositionSide,
    Reason,
    Refused,
    Side,
    Status,
    Ticket,
    Trade,
    TriggerBy,
)
from tests.venue.order_journal import Booked, Later, Listener, on_loop
from tests.venue.rules import afford
from tests.venue.settlement import Fee, fee_of, move_coins, move_position


class Trading(Booked):
    """The orders that trade."""

    def _match(self, account: Account, order: Order) -> None:
        """Trade what can trade now; a limit order that does not reach the price rests."""
        ask, last = order.ask, self.prices[order.ask.symbol]
        if ask.kind is Kind.LIMIT or (order.is_conditional and ask.price is not None):
            if would_take(ask, last):
                self._take(account, order, last)
            elif ask.time_in_force in ("IOC", "FOK"):
                self._end(account, order, Status.EXPIRED)
        else:
            self._take(account, order, adverse(last, ask.side, self.slippage.get(ask.symbol)))

    def _take(self, account: Account, order: Order, price: Decimal) -> None:
        plan = next((each for each in self._plans if each.fits(order)), None)
        if plan is None:
            self._fill(account, order, order.remaining, price)
            if order.is_open and order.ask.kind is not Kind.LIMIT:
                # reduce-only, and nothing left to reduce; or not enough coins
                self._end(account, order, Status.EXPIRED, by_user=False)
            return
        self._plans.remove(plan)
        parts = plan.parts(order, self.market_of(order.ask.symbol).lot)
        self._next_part(account, order, plan, parts, is_first=True)

    def _next_part(
        self, account: Account, order: Order, plan: Fills, parts: list[Decimal], *, is_first: bool
    ) -> None:
        if not order.is_open:
            return
        if not parts:
            if plan.expires:
                self._end(account, order, Status.EXPIRED)
            return
        if is_first and plan.first_after_s:
            self._later(
                plan.first_after_s,
                lambda: self._next_part(account, order, plan, parts, is_first=False),
            )
            return
        symbol = order.ask.symbol
        price = adverse(self.prices[symbol], order.ask.side, self.slippage.get(symbol))
        self._fill(account, order, parts[0], price)
        self.journal.look(account, symbol)
        if plan.pause_s is not None:
            rest = parts[1:]
            self._later(
                plan.pause_s, lambda: self._next_part(account, order, plan, rest, is_first=False)
            )

    def _reach(self, account: Account, order: Order) -> None:
        ask = order.ask
        if order.is_waiting:
            watched = self.marks if ask.trigger_by is TriggerBy.MARK else self.prices
            if is_past(ask, watched[ask.symbol]):
                self._trigger(account, order)
                self.journal.look(account, ask.symbol)
        elif ask.price is not None and would_take(ask, self.prices[ask.symbol]):
            self._fill(account, order, order.remaining, ask.price, is_maker=True)
            self.journal.look(account, ask.symbol)

    def _trigger(self, account: Account, order: Order) -> None:
        ask = order.ask
        held = abs(account.position(ask.symbol, ask.position_side).quantity)
        if ask.reduces and not ask.is_spot and not self._reduces_something(account, ask):
            self._end(account, order, Status.EXPIRED, why=Reason.REDUCE_ONLY)
            return
        wanted = replace(ask, quantity=held if ask.close_position else ask.quantity)
        if ask.shrinks:
            wanted = replace(wanted, quantity=self._what_is_there(account, order))
        refusal = self._refusal(account, order, wanted)
        order.triggered_ms = order.updated_ms = self.now_ms()
        if self._is_stuck(account, order):
            return
        self._cancel_group(account, order)
        if refusal is not None:
            self._end(account, order, Status.REJECTED, why=refusal)
            return
        if not self._spawns(order):
            order.ask = wanted
            self._note(Deed.TRIGGERED, account, order)
            self._match(account, order)
            return
        self._go_on(account, order, wanted)

    def _spawns(self, order: Order) -> bool:
        """Whether a triggered order goes on as another order."""
        return self.rules.trigger_spawns

    def _what_is_there(self, account: Account, order: Order) -> Decimal:
        """What of a spot order the coins suffice for, on the pair's grid."""
        ask, market = order.ask, self.markets[order.ask.symbol]
        price = ask.price or self.prices[ask.symbol]
        free = self._affordable(account, order, ask.quantity, price)
        return max(market.lot, free // market.lot * market.lot)

    def _refusal(self, account: Account, order: Order, wanted: Ticket) -> Reason | None:
        """Why there is no money for what a conditional order becomes."""
        try:
            afford(self, account, replace(wanted, trigger=None), instead_of=order)
        except Refused as e:
            return e.reason
        return None

    def _go_on(self, account: Account, order: Order, wanted: Ticket) -> None:
        """A conditional order becomes another one."""
        child = self._accept(
            account,
            replace(
                wanted, kind=Kind.MARKET if wanted.price is None else Kind.LIMIT, trigger=None,
                group="", reduce_only=wanted.reduces and not wanted.is_spot, close_position=False,
                origin=Origin.VENUE, expires_ms=0,
                was=wanted.kind,
            ),
            parent_id=order.id,
        )  # fmt: skip
        order.child_id = child.id
        self._end(account, order, Status.TRIGGERED)
        self._tell(OrderChanged(account=account, order=child, deed=Deed.ACCEPTED))
        self._match(account, child)

    def _reduces_something(self, account: Account, ask: Ticket) -> bool:
        position = account.position(ask.symbol, ask.position_side)
        return bool(position.quantity) and position.closing is ask.side

    def _is_stuck(self, account: Account, order: Order) -> bool:
        """Whether the order triggers and never becomes anything: it is lost, and not open."""
        if not self.switches.triggers_get_stuck:
            return False
        self.switches.triggers_get_stuck -= 1
        self._end(account, order, Status.TRIGGERED)
        return True

    def _cancel_group(self, account: Account, order: Order) -> None:
        for other in list(account.open.values()):
            if order.ask.group and other.ask.group == order.ask.group and other is not order:
                self._end(account, other, Status.CANCELED, by_user=False, why="OCO_TRIGGER")

    def _fill(
        self, account: Account, order: Order, quantity: Decimal, price: Decimal, *,
        is_maker: bool = False,
    ) -> None:  # fmt: skip
        ask = order.ask
        quantity = self._fillable(account, order, quantity, price)
        if not quantity:
            return
        realized, fee = self._settle(account, ask, quantity, price, is_maker=is_maker)
        now_ms = self.now_ms()
        order.filled += quantity
        order.cost += quantity * price
        order.fees[fee.coin] = order.fees.get(fee.coin, ZERO) + fee.amount
        order.fee += fee.amount
        order.realized += realized
        order.updated_ms = now_ms
        is_done = order.filled >= ask.quantity
        order.status = Status.FILLED if is_done else Status.PARTIALLY_FILLED
        if is_done:
            self._forget(account, order)
        trade = Trade(
            id=next(self._trade_ids), order_id=order.id, client_id=ask.client_id,
            symbol=ask.symbol, side=ask.side, quantity=quantity, price=price, fee=fee.amount,
            realized=realized, is_maker=is_maker, origin=ask.origin, at_ms=now_ms,
            fee_coin=fee.coin, position_side=ask.position_side, is_spot=ask.is_spot,
        )  # fmt: skip
        account.trades.append(trade)
        self._book_trade(account, trade)
        self._cancel_group(account, order)
        self._tell(AccountChanged(account=account, symbol=ask.symbol, cause="ORDER"))
        self._note(Deed.FILLED, account, order, trade)
        if not account.loses_attached and (is_done or not self.rules.attached_when_filled):
            for each in ask.attached:
                self._attach(account, order, each)
        if not ask.is_spot and not account.position(ask.symbol, ask.position_side).quantity:
            self._end_with_position(account, ask.symbol, ask.position_side)

    def _settle(
        self, account: Account, ask: Ticket, quantity: Decimal, price: Decimal, *,
        is_maker: bool,
    ) -> tuple[Decimal, Fee]:  # fmt: skip
        """Change position or coins by one trade; return the realized profit and the fee."""
        fee = fee_of(self, account, ask, quantity, price, is_maker=is_maker)
        if ask.is_spot:
            market = self.markets[ask.symbol]
            move_coins(account, market, ask, quantity, price, fee, now_ms=self.now_ms())
            return ZERO, fee
        realized = self._move(account, ask, quantity, price)
        account.add(fee.coin, -fee.amount)
        account.wallet += realized
        return realized, fee

    def _fillable(
        self, account: Account, order: Order, quantity: Decimal, price: Decimal
    ) -> Decimal:
        """What can be traded of ``quantity``: a reduction has to have something to reduce."""
        ask = order.ask
        if ask.is_spot:
            return self._affordable(account, order, quantity, price)
        if not ask.reduces:
            return quantity
        position = account.position(ask.symbol, ask.position_side)
        closes = position.quantity and position.closing is ask.side
        return min(quantity, abs(position.quantity)) if closes else ZERO

    def _affordable(
        self, account: Account, order: Order, quantity: Decimal, price: Decimal
    ) -> Decimal:
        """What the coins suffice for, those that the order itself holds included."""
        ask, market = order.ask, self.markets[order.ask.symbol]
        coin, held = self.hold_of(order)
        own = held if order.id in account.open else ZERO
        there = min(account.balance(coin), self.free(account, coin) + own)
        if ask.side is Side.BUY:
            grid = market.quote_lot or market.lot
            there = (there / price / grid).to_integral_value(ROUND_DOWN) * grid
        return max(ZERO, min(quantity, there))

    def _move(self, account: Account, ask: Ticket, quantity: Decimal, price: Decimal) -> Decimal:
        """Change the position and return what it earned."""
        return move_position(
            account.position(ask.symbol, ask.position_side), ask, quantity, price,
            leverage=self.leverage(account, ask.symbol), now_ms=self.now_ms(),
        )  # fmt: skip

    def _attach(self, account: Account, order: Order, wanted: Attached) -> None:
        """Bring an entry's stop or target to life with its first fill, and let it grow with it."""
        quantity = self._kept(order)
        for other in account.open.values():
            if other.parent_id == order.id and other.ask.kind is wanted.kind:
                other.ask = replace(other.ask, quantity=quantity)
                return
        to_position = self.rules.attached_to_position
        if to_position and not order.ask.is_spot:
            self._drop_position_level(account, order.ask, wanted.kind)
        ask = Ticket(
            client_id=wanted.client_id, symbol=order.ask.symbol, side=order.ask.side.other,
            kind=wanted.kind, quantity=quantity, trigger=wanted.trigger,
            trigger_by=wanted.trigger_by, reduce_only=not order.ask.is_spot,
            close_position=to_position and not order.ask.is_spot, is_spot=order.ask.is_spot,
            group=f"attached-{order.id}", origin=Origin.VENUE, extra=wanted.extra,
            position_side=order.ask.position_side, price=wanted.price, holds=order.ask.holds,
        )  # fmt: skip
        child = self._accept(account, ask, parent_id=order.id)
        self._tell(OrderChanged(account=account, order=child, deed=Deed.ACCEPTED))
        self._reach(account, child)
        self.journal.look(account, ask.symbol)

    def _kept(self, order: Order) -> Decimal:
        """What an entry has brought: of spot less its fee, down to the grid."""
        if not order.ask.is_spot:
            return order.filled
        market = self.markets[order.ask.symbol]
        return (order.filled - order.fees.get(market.base, ZERO)) // market.lot * market.lot

    def _drop_position_level(self, account: Account, entry: Ticket, kind: Kind) -> None:
        for other in list(account.open.values()):
            ask = other.ask
            same = ask.symbol == entry.symbol and ask.position_side is entry.position_side
            if same and ask.kind is kind and ask.close_position:
                self._end(account, other, Status.CANCELED)

    def _end_with_position(self, account: Account, symbol: str, side: PositionSide) -> None:
        for order in list(account.open.values()):
            ask = order.ask
            lives_with_it = ask.close_position or ask.time_in_force == "GTE_GTC"
            same = ask.symbol == symbol and ask.position_side is side
            if same and lives_with_it and order.is_waiting:
                self._end(account, order, Status.CANCELED, by_user=False)


__all__ = ["Later", "Listener", "Trading", "on_loop"]
