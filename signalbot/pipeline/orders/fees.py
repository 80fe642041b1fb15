"""What fees cost that were paid in a third coin: mostly an exchange's own, for a discount."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from signalbot.domain.orders import Fill
from signalbot.ports import Market


@dataclass(frozen=True, slots=True)
class FeeRates:
    """Prices of third coins in the quote currency of what was traded."""

    prices: dict[str, Decimal]
    pending: frozenset[str]  #: listed there, and the price not told yet


def fee_rates_of(market: Market, fills: Iterable[Fill]) -> FeeRates:
    """What the coins are worth that the fees of ``fills``, all of one market, were paid in.

    Without I/O: asking for a coin's market is what makes an exchange tell its price soon.
    """
    prices: dict[str, Decimal] = {}
    awaited: set[str] = set()
    for fill in fills:
        coin = fill.foreign_fee_currency
        if coin is None or coin in prices or coin in awaited:
            continue
        symbol = _market_of(market, coin, fill.symbol)
        price = None if symbol is None else market.last_price(symbol)
        if price is not None:
            prices[coin] = price
        elif symbol is not None:
            awaited.add(coin)
    return FeeRates(prices, frozenset(awaited))


def _market_of(market: Market, coin: str, traded: str) -> str | None:
    """Where the coin is traded for the same quote currency; None where it is not."""
    quote = traded.partition("/")[2].partition(":")[0]
    for symbol in (f"{coin}/{quote}", f"{coin}/{quote}:{quote}"):
        try:
            market.instrument(symbol)
        except KeyError:
            continue
        return symbol
    return None
