"""Costs of requests in an exchange's own weights, and its limits as reported by responses."""

from collections.abc import Mapping
from typing import ClassVar

from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.capabilities import RateLimit


class RequestCosts:
    """An adapter's costs; the defaults are those of most exchanges."""

    #: Published limits of one account's own requests, besides those of the address.
    account_rates: ClassVar[tuple[RateLimit, ...]] = ()
    order_cost: ClassVar[int] = 1
    lookup_cost: ClassVar[int] = 1
    open_orders_cost: ClassVar[int] = 1  #: of one list
    trades_cost: ClassVar[int] = 5
    margin_cost: ClassVar[int] = 2  #: leverage and margin mode of one symbol
    holdings_cost: ClassVar[int] = 5
    balance_cost: ClassVar[int] = 5
    position_mode_cost: ClassVar[int] = 1

    def account_cost(self, method: str) -> int:
        """The cost of a call in ``account_rates``."""
        return 0

    def margins_cost(self, symbols: int) -> int:
        """The cost of leverage and margin mode of ``symbols`` symbols."""
        return self.margin_cost * symbols

    def reported_usage(self, headers: Mapping[str, str]) -> Mapping[int, int]:
        """The address's use of its limits in a response, by the limit's length in ms."""
        return {}

    def account_limit_ms(self, headers: Mapping[str, str], now_ms: Ms) -> int:
        """How long the account must pause according to a response, in ms; 0 by default."""
        return 0
