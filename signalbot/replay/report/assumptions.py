"""Describes the assumptions of a replay and the software versions behind its numbers."""

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
    """Return the versions of signalbot and of the libraries its results depend on."""
    return {"signalbot": __version__} | {
        name: _version(package) for name, package in _PACKAGES.items()
    }


def describe_assumptions(
    rules: Iterable[SimulationRules], *, timeframe: Timeframe, funding: str | None = None
) -> list[str]:
    """Describe the simulation of fills and equity, one sentence each.

    ``funding`` is the source of funding rates.
    """
    return [
        *dict.fromkeys(map(_costs, rules)),
        f"Market orders fill at the close of the {timeframe} candle they follow, with slippage; "
        "with latency, at the next candle's path after it: open, low, high, close "
        "if it closes no lower than it opens, else open, high, low, close, in equal intervals.",
        "Stops and take profits become market orders at their trigger, or at an open beyond "
        "it; limit orders fill at their price, or at such an open.",
        "Within a candle the adverse price comes first: a stop precedes a target, "
        "and the candle that fills a limit entry can hit its stop, not its target.",
        "Orders fill completely without market impact, at any size and candle volume.",
        "An isolated position is liquidated at last prices and loses its whole margin.",
        "Drawdown is measured at every candle's worst point; open positions count at the last "
        "price.",
        "No funding is paid."
        if funding is None
        else f"Funding is paid on positions held after the candle that closes then: {funding}.",
    ]


def _costs(rules: SimulationRules) -> str:
    return (
        f"Fees {_percent(rules.taker_fee_percent)} taker and {_percent(rules.maker_fee_percent)} "
        f"maker, slippage {text(rules.slippage_bps)} basis points, "
        f"latency {rules.latency_ms} ms round trip."
    )


def _percent(value: Decimal) -> str:
    return f"{text(value)} %"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
