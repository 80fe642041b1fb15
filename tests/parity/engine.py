"""A trading account, its orders and its fills, in exact fractions: an engine of its own.

It knows what the manual page on numbers says and shares no code with signalbot. One user, one
market, entries at market. Given candles and the signals that came at their closes, it tells every
position and every candle's worst equity.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

F = Fraction
ZERO = F(0)
HALF_PERCENT = F(1, 200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """One user's settings, and what the market and the exchange are like."""

    cash: F
    leverage: int
    mode: str  #: risk, quote or balance
    amount: F  #: percent, or quote units
    with_costs: bool = True
    expected_slippage: F = ZERO
    stop: F | None = None  #: own distance as a fraction; None: the signal's
    targets: tuple[tuple[F, F], ...] = ()  #: own distance and share as fractions
    targets_of_signal: bool = False
    break_even_after: int = 0
    on_opposite: str = "close"
    fee: F
    slippage: F
    tick: F
    lot: F
    least_quantity: F
    least_notional: F
    maintenance: F = HALF_PERCENT


@dataclass(frozen=True, slots=True)
class Bar:
    close_ms: int
    open: F
    high: F
    low: F
    close: F


@dataclass(frozen=True, slots=True)
class Call:
    """A signal: what was said at the close of a candle."""

    action: str
    price: F
    stop: F | None
    targets: tuple[F, ...]


@dataclass(slots=True)
class Trade:
    """A position from its entry on; ``left`` is what is still held."""

    side: int
    opened_ms: int
    quantity: F
    entry: F
    stop: F | None
    targets: list[tuple[F, F]]
    left: F
    pnl: F = ZERO
    fees: F = ZERO
    hits: int = 0
    is_even: bool = False
    closed_ms: int | None = None
    reason: str = ""
    gone: list[tuple[F, F]] = field(default_factory=list)  #: quantity and price of every exit


class Engine:
    """Runs one account through a history."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.wallet = terms.cash
        self.trades: list[Trade] = []
        self.held: Trade | None = None
        self.lowest: list[float] = []  #: equity at the worst of every candle
        self.closes: list[float] = []  #: and at its close, before what was ordered then
        self.after: list[float] = []  #: and after it
        self.is_halted = False  #: after a liquidation nothing is entered any more
        self._now_ms = 0

    def run(self, bars: Iterable[Bar], calls: Mapping[int, Sequence[Call]]) -> None:
        for bar in bars:
            self._now_ms = bar.close_ms
            self.lowest.append(self._walk(bar))
            self.closes.append(float(self._equity(bar.close)))
            for call in calls.get(bar.close_ms, ()):
                self._decide(call, bar.close)
            self.after.append(float(self._equity(bar.close)))

    # --- prices ---------------------------------------------------------------------------

    def _up(self, price: F) -> F:
        return ceil(price / self.terms.tick) * self.terms.tick

    def _down(self, price: F) -> F:
        return floor(price / self.terms.tick) * self.terms.tick

    def _taken(self, side: int, price: F, slippage: F) -> F:
        """Where a market order to buy (1) or sell (-1) fills."""
        worse = price * (1 + side * slippage)
        return self._up(worse) if side > 0 else self._down(worse)

    def _equity(self, price: F) -> F:
        held = self.held
        return self.wallet + (held.side * held.left * (price - held.entry) if held else 0)

    # --- what a candle reaches ------------------------------------------------------------

    def _walk(self, bar: Bar) -> float:
        """Trade what the candle reaches, against the position first; the lowest equity in it."""
        held = self.held
        if held is None:
            return float(self.wallet)
        liquidation = self._liquidation(held)
        if liquidation is not None and held.side * (bar.open - liquidation) <= 0:
            self._liquidate(held)
            return float(self.wallet)
        worst, best = (bar.low, bar.high) if held.side > 0 else (bar.high, bar.low)
        lowest = []
        for target in [each for each in held.targets if held.side * (bar.open - each[0]) >= 0]:
            self._hit(held, target, bar.open)
        lowest.append(self._equity(bar.open))
        if self.held is held and self._adverse(held, bar, worst, liquidation):
            return float(min(*lowest, self.wallet))
        lowest.append(self._equity(worst))
        if self.held is held:
            for target in [each for each in held.targets if held.side * (best - each[0]) >= 0]:
                self._hit(held, target, target[0])
            lowest.append(self._equity(best))
        lowest.append(self._equity(bar.close))
        self._guard_even(held, bar.close)
        return float(min(lowest))

    def _adverse(self, held: Trade, bar: Bar, worst: F, liquidation: F | None) -> bool:
        """Whether stop or liquidation ended the position on the way against it."""
        stop = held.stop
        gone = liquidation is not None and held.side * (worst - liquidation) <= 0
        if stop is not None and held.side * (worst - stop) <= 0:
            is_nearer = liquidation is None or held.side * (stop - liquidation) >= 0
            if is_nearer:
                has_jumped = held.side * (bar.open - stop) <= 0
                price = bar.open if has_jumped else stop
                filled = self._taken(-held.side, price, self.terms.slippage)
                self._exit(held, held.left, self._capped(held, filled))
                self._end(held, "BREAK_EVEN" if held.is_even else "STOP_LOSS")
                return True
        if gone:
            self._liquidate(held)
        return gone

    def _capped(self, held: Trade, price: F) -> F:
        """No exit of an isolated position is beyond the price at which its margin is gone."""
        if self._liquidation(held) is None:
            return price
        last = held.entry * (1 - F(held.side, self.terms.leverage))
        last = self._up(last) if held.side > 0 else self._down(last)
        return max(price, last) if held.side > 0 else min(price, last)

    def _hit(self, held: Trade, target: tuple[F, F], price: F) -> None:
        held.targets.remove(target)
        held.hits += 1
        quantity = min(target[1], held.left)
        price = self._capped(held, self._taken(-held.side, price, self.terms.slippage))
        self._exit(held, quantity, price)
        if not held.left:
            self._end(held, "TAKE_PROFIT")

    def _guard_even(self, held: Trade, last: F) -> None:
        """Once enough targets are hit the stop goes to the entry; passed already, it is over."""
        due = 0 < self.terms.break_even_after <= held.hits
        if self.held is not held or not due or held.is_even or held.stop is None:
            return
        held.is_even = True
        held.stop = round(held.entry / self.terms.tick) * self.terms.tick
        if held.side * (last - held.stop) <= 0:
            self._exit(held, held.left, self._taken(-held.side, last, self.terms.slippage))
            self._end(held, "BREAK_EVEN")

    def _liquidation(self, held: Trade) -> F | None:
        share, rate = F(1, self.terms.leverage), self.terms.maintenance
        if held.side > 0:
            price = self._up(held.entry * (1 - share) / (1 - rate))
            return price if price > 0 else None
        return self._down(held.entry * (1 + share) / (1 + rate))

    def _liquidate(self, held: Trade) -> None:
        last = held.entry * (1 - F(held.side, self.terms.leverage))
        price = self._up(last) if held.side > 0 else self._down(last)
        margin = held.entry * held.left / self.terms.leverage
        lost = held.side * held.left * (price - held.entry)
        self._exit(held, held.left, price, fee=max(F(0), margin + lost))
        self._end(held, "LIQUIDATION")
        self.is_halted = True

    def _exit(self, held: Trade, quantity: F, price: F, fee: F | None = None) -> None:
        fee = quantity * price * self.terms.fee if fee is None else fee
        earned = held.side * quantity * (price - held.entry)
        held.pnl, held.fees, held.left = held.pnl + earned, held.fees + fee, held.left - quantity
        held.gone.append((quantity, price))
        self.wallet += earned - fee

    def _end(self, held: Trade, reason: str) -> None:
        held.closed_ms, held.reason, self.held = self._now_ms, reason, None

    # --- what a signal comes to -----------------------------------------------------------

    def _decide(self, call: Call, last: F) -> None:
        held, side = self.held, 1 if call.action.endswith("LONG") else -1
        if call.action.startswith("EXIT"):
            if held is not None and held.side == side:
                self._close(held, last, "EXIT_SIGNAL")
            return
        if held is not None and (held.side == side or self.terms.on_opposite == "ignore"):
            return
        if self.is_halted:
            return
        planned = self._plan(call, side, last, held)
        if held is not None:
            self._close(held, last, "OPPOSITE_SIGNAL")
            if self.terms.on_opposite == "close":
                return
        if planned is not None:
            self._enter(side, last, *planned, call=call, after_close=held is not None)

    def _close(self, held: Trade, last: F, reason: str) -> None:
        self._exit(held, held.left, self._taken(-held.side, last, self.terms.slippage))
        self._end(held, reason)

    def _plan(
        self, call: Call, side: int, last: F, held: Trade | None
    ) -> tuple[F, F, list[tuple[F, F]]] | None:
        """Quantity, stop and targets; None when the entry is refused."""
        t = self.terms
        asked = call.stop if t.stop is None else last * (1 - side * t.stop)
        if asked is None:
            return None
        stop = self._up(asked) if side > 0 else self._down(asked)
        entered = self._taken(side, last, t.expected_slippage)
        if stop <= 0 or side * (last - stop) <= 0 or self._is_beyond(side, entered, stop):
            return None
        equity, free = self._after_close(last, held)
        if t.mode == "risk":
            loss = abs(last - stop)
            if t.with_costs:
                left = self._taken(-side, stop, t.expected_slippage)
                loss = side * (entered - left) + t.fee * (entered + left)
            asked_quantity = max(equity, F(0)) * t.amount / 100 / loss
        elif t.mode == "quote":
            asked_quantity = t.amount / last
        else:
            asked_quantity = max(free, F(0)) * t.amount / 100 * t.leverage / last
        quantity = self._floor(min(asked_quantity, self._carried(free, last, entered)))
        if quantity < self._least(last):
            return None
        return quantity, stop, self._targets(call, side, last, quantity)

    def _is_beyond(self, side: int, entered: F, stop: F) -> bool:
        """A little earlier than the exchange: the fee of closing and some funding come first."""
        share = F(1, self.terms.leverage)
        rate = self.terms.maintenance + self.terms.fee + F(5, 10_000)
        if side > 0:
            limit = self._up(entered * (1 - share) / (1 - rate))
            return limit > 0 and stop <= limit
        return stop >= self._down(entered * (1 + share) / (1 + rate))

    def _after_close(self, last: F, held: Trade | None) -> tuple[F, F]:
        """Equity and free balance once what is held is closed."""
        if held is None:
            return self.wallet, self.wallet
        price = self._taken(-held.side, last, self.terms.expected_slippage)
        equity = self._equity(price) - held.left * price * self.terms.fee
        return equity, equity

    def _carried(self, free: F, last: F, expected_entry: F) -> F:
        free, share = max(free, F(0)), F(1, self.terms.leverage)
        return min(
            free / (share + F(2, 1000)) / last, free / (share + self.terms.fee) / expected_entry
        )

    def _enter(
        self, side: int, last: F, quantity: F, stop: F, targets: list[tuple[F, F]], *,
        call: Call, after_close: bool,
    ) -> None:  # fmt: skip
        t = self.terms
        if after_close:
            entered = self._taken(side, last, t.expected_slippage)
            most = self._carried(self.wallet, last, entered)
            if t.mode == "balance":
                most = min(most, max(self.wallet, F(0)) * t.amount / 100 * t.leverage / last)
            most = self._floor(most)
            if most < min(quantity, self._least(last)):
                return
            if most < quantity:
                shares = [(price, each / quantity) for price, each in targets]
                quantity, targets = most, self._split(shares, most)
        price = self._taken(side, last, t.slippage)
        fee = quantity * price * t.fee
        if quantity * price / t.leverage + fee > self.wallet:
            return
        self.wallet -= fee
        stop, targets = self._rebased(side, last, price, stop, targets, call)
        trade = Trade(
            side=side, opened_ms=self._now_ms, quantity=quantity, entry=price, stop=stop,
            targets=targets, left=quantity, fees=fee,
        )  # fmt: skip
        self.trades.append(trade)
        self.held = trade

    def _rebased(
        self, side: int, last: F, filled: F, stop: F, targets: list[tuple[F, F]], call: Call
    ) -> tuple[F, list[tuple[F, F]]]:
        """Own distances count from the fill, where it is more than two basis points away."""
        if abs(filled - last) <= last * F(2, 10_000):
            return stop, targets
        if self.terms.stop is not None:
            moved = stop * filled / last
            moved = self._up(moved) if side > 0 else self._down(moved)
            stop = moved if side * (filled - moved) > 0 else stop
        if not (self.terms.targets_of_signal and call.targets):
            tick = self.terms.tick
            shifted = [(round(price * filled / last / tick) * tick, q) for price, q in targets]
            if all(side * (price - filled) > 0 for price, _ in shifted):
                targets = shifted
        return stop, targets

    def _targets(self, call: Call, side: int, last: F, quantity: F) -> list[tuple[F, F]]:
        levels = [(last * (1 + side * away), share) for away, share in self.terms.targets]
        if self.terms.targets_of_signal and call.targets:
            own = [share for _, share in self.terms.targets]
            even = [F(1, len(call.targets))] * len(call.targets)
            shares = own if len(own) == len(even) else even
            levels = list(zip(call.targets, shares, strict=True))
        on_tick = [(round(price / self.terms.tick) * self.terms.tick, share)
                   for price, share in levels]  # fmt: skip
        ahead = [each for each in on_tick if each[0] > 0 and side * (each[0] - last) > 0]
        return self._split(sorted(ahead, key=lambda each: abs(each[0] - last)), quantity)

    def _split(self, levels: Sequence[tuple[F, F]], quantity: F) -> list[tuple[F, F]]:
        """Shares on the lot; what is too small joins the next, what is left stays to the stop."""
        found: list[tuple[F, F]] = []
        given, total = F(0), F(0)
        for at, (price, share) in enumerate(levels):
            total += share
            due = self._floor(round(quantity * total, 15)) - given
            rest, is_last = quantity - given - due, at == len(levels) - 1
            if is_last and 0 < rest < self._least(price):
                due += rest
            if due >= self._least(price) or (is_last and due and not rest):
                found.append((price, due))
                given += due
        return found

    def _floor(self, quantity: F) -> F:
        return floor(quantity / self.terms.lot) * self.terms.lot

    def _least(self, price: F) -> F:
        lot = self.terms.lot
        by_notional = ceil(self.terms.least_notional / price / lot) * lot
        return max(lot, ceil(self.terms.least_quantity / lot) * lot, by_notional)
