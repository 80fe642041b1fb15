"""Funding: every so often longs pay shorts, or are paid."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.venue.model import Position
from tests.venue.order_entry import Placing

EIGHT_HOURS_MS = 28_800_000


@dataclass(slots=True, kw_only=True)
class FundingPlan:
    """When funding is paid, by the exchange's own clock, and at which rate."""

    rates: dict[str, Decimal] = field(default_factory=dict)  #: by symbol
    every_ms: int = EIGHT_HOURS_MS
    paid_ms: int = 0  #: the last instant it was paid for


class Funding(Placing):
    """Pays what is due whenever the clock or a price moves."""

    funding: FundingPlan | None = None  #: nothing is paid by itself without one

    def plan_funding(
        self, rates: dict[str, Decimal], *, every_ms: int = EIGHT_HOURS_MS
    ) -> FundingPlan:
        """From now on pay at every multiple of ``every_ms``, for what is held then."""
        self.funding = FundingPlan(rates=rates, every_ms=every_ms, paid_ms=self.now_ms())
        return self.funding

    def next_funding_ms(self) -> int:
        every_ms = EIGHT_HOURS_MS if self.funding is None else self.funding.every_ms
        return self.now_ms() // every_ms * every_ms + every_ms

    def pay_due(self) -> None:
        """Pay for every due instant that has passed; each is booked at its own time."""
        plan, now_ms = self.funding, self.now_ms()
        if plan is None:
            return
        due_ms = plan.paid_ms // plan.every_ms * plan.every_ms + plan.every_ms
        while due_ms <= now_ms:
            plan.paid_ms = due_ms
            for symbol, rate in plan.rates.items():
                self.pay_funding(symbol, rate, at_ms=due_ms)
            due_ms += plan.every_ms

    def run_funding(self, every_s: float) -> None:
        """Pay what is due every ``every_s`` seconds, on the running loop."""

        def again() -> None:
            if self.funding is not None:
                self.pay_due()
                self._later(every_s, again)

        self._later(every_s, again)

    def pay_funding(self, symbol: str, rate: Decimal, *, at_ms: int | None = None) -> None:
        """Longs pay ``rate`` of their notional to shorts."""
        for account in self.accounts.values():
            for position in account.of_symbol(symbol):
                amount = -position.quantity * self.marks[symbol] * rate
                if position.margin and self.is_isolated(account, symbol):
                    position.margin += amount
                self.credit(
                    account, amount, "FUNDING_FEE", symbol, at_ms=at_ms,
                    **self._terms(position, rate),
                )  # fmt: skip

    def _terms(self, position: Position, rate: Decimal) -> dict[str, Any]:
        return {
            "side": position.closing.other, "quantity": abs(position.quantity), "rate": rate,
            "price": self.marks[position.symbol], "held": position.quantity,
        }  # fmt: skip
