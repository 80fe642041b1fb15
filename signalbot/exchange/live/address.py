"""One address that requests to an exchange leave from: its connection, and what it may ask."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any, Final

from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.budget import Budget
from signalbot.exchange.live.caller import AccountBudget, Caller
from signalbot.exchange.live.capability import Rate
from signalbot.exchange.live.connection import Connection, Egress
from signalbot.exchange.live.lanes import Lane
from signalbot.exchange.live.terms import LiveTerms
from signalbot.exchange.live.wallet import Dialects
from signalbot.ports import Clock

_MARKETS_DEADLINE_S: Final = 60.0
_MARKETS_COST: Final = 40  # every kind of market of the dearest exchange


class AddressConnection:
    """Everything that accounts behind one address share."""

    def __init__(self, terms: LiveTerms, dialects: Dialects, egress: Egress, clock: Clock) -> None:
        self.egress = egress
        self._clock = clock
        self._own: dict[str, AccountBudget] = {}
        self._dialects = tuple(dialects.values())
        self._serial = any(each.serial for each in self._dialects)
        self._codes = reduce(or_, (each.codes for each in self._dialects))
        rates = dict.fromkeys(rate for each in self._dialects for rate in each.capabilities.rates)
        self.budget = Budget(
            f"{terms.name} ({egress.name})",
            rates=limits(
                tuple(rates), share=terms.request_share, own=self._limits_of_address(terms)
            ),
            clock=clock,
        )
        self.connection = Connection(
            terms.name,
            terms.ccxt_id,
            config=terms.config,
            options={k: v for each in self._dialects for k, v in each.options.items()},
            shapes={k: v for each in self._dialects for k, v in each.shapes.items()},
            sandbox=terms.sandbox,
            egress=egress,
            on_headers=self._on_headers,
            clock_step_ms=max(each.clock_step_ms for each in self._dialects),
            clock=next((each.clock for each in self._dialects if each.clock), None),
        )

    def caller(self, client: object, *, on_clock: Callable[[], None], name: str = "") -> Caller:
        """A way to ask with one client, counted with all others of this address."""
        return Caller(
            client,
            budget=self.budget,
            codes=self._codes,
            on_clock=on_clock,
            serial=self._serial,
            name=name,
            own=self._own_budget(name) if name else None,
            account_limit_ms=self._account_limit_ms,
        )

    def _limits_of_address(self, terms: LiveTerms) -> Mapping[int, int]:
        """Limits of the configuration, without those that are of each account."""
        accounts = {rate.per_ms for each in self._dialects for rate in each.account_rates}
        given = terms.request_limits
        self._own_limits = {per_ms: given[per_ms] for per_ms in accounts if per_ms in given}
        return {per_ms: cost for per_ms, cost in given.items() if per_ms not in accounts}

    def _own_budget(self, name: str) -> AccountBudget | None:
        """What one account may ask, however many lines it has; None where that is not limited."""
        limited = next((each for each in self._dialects if each.account_rates), None)
        if limited is None:
            return None
        known = self._own.get(name)
        if known is None:
            budget = Budget(
                f"{self.budget.name} {name}",
                rates=limits(limited.account_rates, share=Decimal(1), own=self._own_limits),
                clock=self._clock,
            )
            known = self._own[name] = AccountBudget(budget, limited.account_cost)
        return known

    async def measure_clock(self) -> int:
        """How far our clock is ahead of the exchange's, in ms; tells what this address has used.

        Raises:
            Unavailable: the exchange does not tell.
        """
        return await self.connection.measure_clock(self._ask_time)

    async def load_markets(self) -> None:
        """Learn what is traded.

        Raises:
            Unavailable: the exchange does not tell.
        """
        await self.connection.load_markets(self._ask_markets)

    async def _ask_time(self, client: object, method: str, *args: Any) -> Any:
        return await self._plain(client).read(method, *args, lane=Lane.PROTECT)

    async def _ask_markets(self, client: object, method: str, *args: Any) -> Any:
        return await self._plain(client).read(
            method, *args, lane=Lane.SETTLE, cost=_MARKETS_COST, deadline_s=_MARKETS_DEADLINE_S
        )

    def _plain(self, client: object) -> Caller:
        return Caller(client, budget=self.budget, codes=self._codes, on_clock=lambda: None)

    def _on_headers(self, headers: Mapping[str, str]) -> None:
        for each in self._dialects:
            for per_ms, used in each.reported_usage(headers).items():
                self.budget.report(per_ms, used)

    def _account_limit_ms(self, headers: Mapping[str, str], now_ms: Ms) -> int:
        return max(each.account_limit_ms(headers, now_ms) for each in self._dialects)


def limits(
    published: Sequence[Rate], *, share: Decimal, own: Mapping[int, int]
) -> tuple[Rate, ...]:
    """The limits to keep: an account's own ones in the place of the published, times ``share``."""
    return tuple(_limits(published, share=share, own=own))


def _limits(published: Sequence[Rate], *, share: Decimal, own: Mapping[int, int]) -> Iterator[Rate]:
    known = {rate.per_ms for rate in published}
    for rate in published:
        cost = own.get(rate.per_ms, rate.cost)
        yield replace(rate, cost=max(1, int(cost * share)))
    for per_ms, cost in own.items():
        if per_ms not in known:
            yield Rate(cost=max(1, int(cost * share)), per_ms=per_ms)
