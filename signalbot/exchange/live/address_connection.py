"""One address from which requests to an exchange are sent: connection and rate limits."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any, Final

from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.account_markets import AdaptersByKind
from signalbot.exchange.live.capabilities import RateLimit
from signalbot.exchange.live.exchange_settings import LiveExchangeSettings
from signalbot.exchange.live.registry import client_profile
from signalbot.exchange.live.transport.connection import Connection, Egress
from signalbot.exchange.live.transport.exchange_api import RequestPriority
from signalbot.exchange.live.transport.rate_limiter import RateLimiter
from signalbot.exchange.live.transport.request_executor import AccountRateLimit, RequestExecutor
from signalbot.ports import Clock

_MARKETS_DEADLINE_S: Final = 60.0
_MARKETS_COST: Final = 40  # every kind of market of the dearest exchange


class AddressConnection:
    """Everything that accounts behind one address share."""

    def __init__(
        self, settings: LiveExchangeSettings, adapters: AdaptersByKind, egress: Egress, clock: Clock
    ) -> None:
        self.egress = egress
        self._clock = clock
        self._account_limits: dict[str, AccountRateLimit] = {}
        self._adapters = tuple(adapters.values())
        self._serial = any(each.requires_serial_requests for each in self._adapters)
        self._codes = reduce(or_, (each.codes for each in self._adapters))
        rates = dict.fromkeys(rate for each in self._adapters for rate in each.capabilities.rates)
        self.rate_limiter = RateLimiter(
            f"{settings.name} ({egress.name})",
            rates=effective_limits(
                tuple(rates), share=settings.request_share, own=self._address_limits(settings)
            ),
            clock=clock,
        )
        self.connection = Connection(
            settings.name,
            client_profile(settings.ccxt_id, self._adapters, sandbox=settings.sandbox),
            config=settings.config,
            egress=egress,
            on_headers=self._on_headers,
        )

    def executor(
        self, client: object, *, on_clock: Callable[[], None], name: str = ""
    ) -> RequestExecutor:
        """An executor for one client, limited together with all others of this address."""
        return RequestExecutor(
            client,
            rate_limiter=self.rate_limiter,
            codes=self._codes,
            on_clock_skew=on_clock,
            serial=self._serial,
            name=name,
            account_limit=self._account_rate_limit(name) if name else None,
            account_limit_ms=self._account_limit_ms,
        )

    def _address_limits(self, settings: LiveExchangeSettings) -> Mapping[int, int]:
        """Configured limits of the address, without those of each account."""
        accounts = {rate.per_ms for each in self._adapters for rate in each.account_rates}
        given = settings.request_limits
        self._configured_account_limits = {
            per_ms: given[per_ms] for per_ms in accounts if per_ms in given
        }
        return {per_ms: cost for per_ms, cost in given.items() if per_ms not in accounts}

    def _account_rate_limit(self, name: str) -> AccountRateLimit | None:
        """The rate limit of one account, shared by its executors; None without one."""
        limited = next((each for each in self._adapters if each.account_rates), None)
        if limited is None:
            return None
        account_limit = self._account_limits.get(name)
        if account_limit is None:
            rate_limiter = RateLimiter(
                f"{self.rate_limiter.name} {name}",
                rates=effective_limits(
                    limited.account_rates, share=Decimal(1), own=self._configured_account_limits
                ),
                clock=self._clock,
            )
            account_limit = self._account_limits[name] = AccountRateLimit(
                rate_limiter, limited.account_cost
            )
        return account_limit

    async def measure_clock(self) -> int:
        """How far our clock is ahead of the exchange's, in ms; also reads the address's usage.

        Raises:
            Unavailable: the exchange does not return its time.
        """
        return await self.connection.measure_clock(self._request_time)

    async def load_markets(self) -> None:
        """Load the exchange's markets.

        Raises:
            Unavailable: they cannot be loaded.
        """
        await self.connection.load_markets(self._request_markets)

    async def _request_time(self, client: object, method: str, *args: Any) -> Any:
        return await self._simple_executor(client).read(
            method, *args, priority=RequestPriority.PROTECT
        )

    async def _request_markets(self, client: object, method: str, *args: Any) -> Any:
        return await self._simple_executor(client).read(
            method,
            *args,
            priority=RequestPriority.SETTLE,
            cost=_MARKETS_COST,
            deadline_s=_MARKETS_DEADLINE_S,
        )

    def _simple_executor(self, client: object) -> RequestExecutor:
        return RequestExecutor(
            client, rate_limiter=self.rate_limiter, codes=self._codes, on_clock_skew=lambda: None
        )

    def _on_headers(self, headers: Mapping[str, str]) -> None:
        for each in self._adapters:
            for per_ms, used in each.reported_usage(headers).items():
                self.rate_limiter.report_usage(per_ms, used)

    def _account_limit_ms(self, headers: Mapping[str, str], now_ms: Ms) -> int:
        return max(each.account_limit_ms(headers, now_ms) for each in self._adapters)


def effective_limits(
    published: Sequence[RateLimit], *, share: Decimal, own: Mapping[int, int]
) -> tuple[RateLimit, ...]:
    """The limits to keep: an account's own ones in the place of the published, times ``share``."""
    return tuple(_effective_limits(published, share=share, own=own))


def _effective_limits(
    published: Sequence[RateLimit], *, share: Decimal, own: Mapping[int, int]
) -> Iterator[RateLimit]:
    account_limit = {rate.per_ms for rate in published}
    for rate in published:
        cost = own.get(rate.per_ms, rate.cost)
        yield replace(rate, cost=max(1, int(cost * share)))
    for per_ms, cost in own.items():
        if per_ms not in account_limit:
            yield RateLimit(cost=max(1, int(cost * share)), per_ms=per_ms)
