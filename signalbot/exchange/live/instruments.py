"""Converts ccxt's market structures to instruments in base units."""

from decimal import Decimal

from signalbot.domain.market import (
    DEFAULT_FEES,
    DEFAULT_MAINTENANCE_MARGIN,
    Fees,
    Instrument,
    MarketKind,
)
from signalbot.domain.money import ONE, ZERO
from signalbot.exchange.live.parsing import CcxtDict, parse_decimal


def parse_instrument(market: CcxtDict, *, has_minimum: bool = True) -> Instrument:
    """The rules of one market; without ``has_minimum`` its least amount is not known.

    Raises:
        KeyError: it is neither spot nor a linear perpetual contract, or it is not traded now.
    """
    symbol = market["symbol"]
    is_swap = bool(market.get("swap")) and bool(market.get("linear"))
    if not is_swap and not market.get("spot"):
        raise KeyError(f"{symbol} is neither spot nor a linear perpetual contract")
    if market.get("active") is False:
        raise KeyError(f"{symbol} is not traded at present")
    size = parse_decimal(market.get("contractSize")) or ONE if is_swap else ONE
    limits, precision = market.get("limits") or {}, market.get("precision") or {}
    least = parse_decimal((limits.get("amount") or {}).get("min")) or ZERO
    return Instrument(
        symbol=symbol,
        base=market["base"],
        quote=market["quote"],
        kind=MarketKind.SWAP if is_swap else MarketKind.SPOT,
        tick=_step(precision.get("price"), symbol, "price"),
        lot=(_step(precision.get("amount"), symbol, "amount") * size).normalize(),
        min_quantity=least * size if has_minimum else ZERO,
        min_notional=parse_decimal((limits.get("cost") or {}).get("min")) or ZERO,
        contract_size=size.normalize(),
        maintenance_margin=_maintenance_margin(limits),
        fees=_fees(market),
    )


def _maintenance_margin(limits: CcxtDict) -> Decimal:
    """Half of the margin at the highest leverage, until margin brackets have been read.

    That is the usual rate of the first bracket: at 100 x half a percent (Bybit, "Maintenance
    Margin"), at 50 x one percent.
    """
    most = parse_decimal((limits.get("leverage") or {}).get("max"))
    if most is None or most <= ONE:
        return DEFAULT_MAINTENANCE_MARGIN
    return max(DEFAULT_MAINTENANCE_MARGIN, ONE / (2 * most))


def _fees(market: CcxtDict) -> Fees:
    """Fees without a rebate, as far as ccxt knows them."""
    maker, taker = parse_decimal(market.get("maker")), parse_decimal(market.get("taker"))
    return Fees(
        maker=DEFAULT_FEES.maker if maker is None else maker,
        taker=DEFAULT_FEES.taker if taker is None else taker,
    )


def _step(value: object, symbol: str, what: str) -> Decimal:
    step = parse_decimal(value)
    if step is None or step <= 0:
        raise KeyError(f"{symbol} has no {what} step")
    return step.normalize()
