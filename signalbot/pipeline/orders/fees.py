"""Converts fees paid in a third coin, usually an exchange's own coin for a discount."""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from signalbot.domain.orders import Fill
from signalbot.ports import Market


@dataclass(frozen=True, slots=True)
class FeeRates:
    """Prices of third coins in the quote currency of the traded market."""

    prices: dict[str, Decimal]
    pending: frozenset[str]  #: coins that have a market but no price yet


def fee_rates_of(market: Market, fills: Iterable[Fill]) -> FeeRates:
    """Return the prices of the coins in which the fees of ``fills`` were paid.

    All fills are of one market. Does no I/O: requesting a coin's instrument makes the exchange
    subscribe to its price.
    """
    prices: dict[str, Decimal] = {}
    pending: set[str] = set()
    for fill in fills:
        coin = fill.foreign_fee_currency
        if coin is None or coin in prices or coin in pending:
            continue
        symbol = _market_of(market, coin, fill.symbol)
        price = None if symbol is None else market.last_price(symbol)
        if price is not None:
            prices[coin] = price
        elif symbol is not None:
            pending.add(coin)
    return FeeRates(prices, frozenset(pending))


def _market_of(market: Market, coin: str, traded: str) -> str | None:
    """Return the coin's market in the same quote currency; None if there is none."""
    quote = traded.partition("/")[2].partition(":")[0]
    for symbol in (f"{coin}/{quote}", f"{coin}/{quote}:{quote}"):
        try:
            market.instrument(symbol)
        except KeyError:
            continue
        return symbol
    return None
