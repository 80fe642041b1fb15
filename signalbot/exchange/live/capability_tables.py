"""Capabilities and retention of every exchange, as Markdown tables of the manual."""

from typing import Final

from signalbot.domain.orders import OrderType
from signalbot.domain.timeframe import DAY_MS, Timeframe
from signalbot.exchange.live.capabilities import Capabilities
from signalbot.exchange.live.registry import SUPPORTED, adapters_of

_ENTRIES: Final = frozenset((OrderType.MARKET, OrderType.LIMIT))


def capability_table() -> str:
    """Capabilities of every exchange as a Markdown table."""
    head = (
        "| ccxt id | market | orders | stop | stop moves | targets | counts in | client id "
        "| looked up by | position | margin | stops watch |"
    )
    rows = [head, "|" + "---|" * 12]
    for ccxt_id in SUPPORTED:
        rows += [_capability_row(each.capabilities) for each in adapters_of(ccxt_id).values()]
    return "\n".join(rows) + "\n"


def retention_table() -> str:
    """Lifetimes, retention and candles of every exchange as a Markdown table."""
    head = (
        "| ccxt id | market | stops rest | stops hold coins | client id known | orders listed "
        "| fills listed | candles | no more candles than | candles by |"
    )
    rows = [head, "|" + "---|" * 10]
    for ccxt_id in SUPPORTED:
        rows += [_retention_row(each.capabilities) for each in adapters_of(ccxt_id).values()]
    return "\n".join(rows) + "\n"


def _retention_row(capabilities: Capabilities) -> str:
    lifetime = (
        "until cancelled"
        if capabilities.stop_lifetime_ms is None
        else _days(capabilities.stop_lifetime_ms // DAY_MS)
    )
    locks_coins = "" if capabilities.can_short else "yes" if capabilities.stop_locks_coins else "no"
    if capabilities.stops.value == "none":
        lifetime = locks_coins = "none"
    cells = (
        f"`{capabilities.exchange}`",
        capabilities.kind.value,
        lifetime,
        locks_coins,
        capabilities.client_id_retention,
        _days(capabilities.order_retention_days),
        _days(capabilities.fill_retention_days),
        ", ".join(each for each in Timeframe if each in capabilities.timeframes),
        "" if capabilities.max_candle_history is None else str(capabilities.max_candle_history),
        "stream and REST" if capabilities.streams_candles else "REST",
    )
    return f"| {' | '.join(cells)} |"


def _days(count: int | None) -> str:
    return "" if count is None else f"{count} days"


def _capability_row(capabilities: Capabilities) -> str:
    entries = ", ".join(sorted(each.value for each in capabilities.order_types & _ENTRIES))
    cells = (
        f"`{capabilities.exchange}`",
        capabilities.kind.value,
        entries,
        capabilities.stops.value,
        capabilities.stop_move_method,
        "yes" if capabilities.has_take_profit else "no",
        capabilities.unit.value,
        capabilities.client_id,
        capabilities.lookup,
        capabilities.position_mode,
        ", ".join(sorted(each.value for each in capabilities.margin_modes)) or "none",
        capabilities.trigger_price,
    )
    return f"| {' | '.join(cells)} |"
