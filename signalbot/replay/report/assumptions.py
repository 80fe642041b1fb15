"""What a replay takes for granted, and which software its numbers come from."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from signalbot import __version__
from signalbot.domain.money import text
from signalbot.domain.timeframe import Timeframe
from signalbot.settings.simulation import SimulationRules

_PACKAGES: Final[Mapping[str, str]] = {"ccxt": "ccxt", "TA-Lib": "ta-lib", "numpy": "numpy"}


def versions() -> dict[str, str]:
    """Of signalbot and of the libraries that rules, indicators and numbers are made with."""
    return {"signalbot": __version__} | {
        name: _version(package) for name, package in _PACKAGES.items()
    }


def describe_assumptions(
    rules: Iterable[SimulationRules], *, timeframe: Timeframe, funding: str | None = None
) -> list[str]:
    """What fills and equity rest on, a sentence each; ``funding`` is where its rates come from."""
    return [
        *dict.fromkeys(map(_costs, rules)),
        f"Market orders fill at the close of the {timeframe} candle they follow, with slippage; "
        "after a delay, where the next candle's path has come to by then: open, low, high, close "
        "if it closes no lower than it opens, else open, high, low, close, in equal times.",
        "Stops and take profits become market orders at their trigger, or at the open that has "
        "passed it; limit orders fill at their price, or at such an open.",
        "Within a candle the price goes against the position first: a stop wins over a target, "
        "and the candle that fills a limit entry can hit its stop, not its target.",
        "Orders fill whole and move no price, whatever their size and the candle's volume.",
        "An isolated position is liquidated at last prices and costs its whole margin.",
        "Drawdown is of equity at every candle's worst point; open positions count at the last "
        "price.",
        "No funding is paid."
        if funding is None
        else f"Funding is paid by what is held after the candle that closes then: {funding}.",
    ]


def _costs(rules: SimulationRules) -> str:
    return (
        f"Fees {_percent(rules.taker_fee_percent)} taker and {_percent(rules.maker_fee_percent)} "
        f"maker, slippage {text(rules.slippage_bps)} basis points, "
        f"latency {rules.latency_ms} ms there and back."
    )


def _percent(value: Decimal) -> str:
    return f"{text(value)} %"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
