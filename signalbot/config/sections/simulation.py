"""``[exchanges.NAME.simulated]``, and its conversion to simulation rules."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator

from signalbot.config.number_types import Duration, Number
from signalbot.config.section import Section, given_fields, key
from signalbot.config.validators import Symbol
from signalbot.settings.simulation import SimulatedSymbol, SimulationRules, symbol_rules

Positive = Annotated[Decimal, Number(above=0)]
NonNegative = Annotated[Decimal, Number(at_least=0)]
Fee = Annotated[Decimal, Number(at_least=0, below=100)]
Probability = Annotated[float, Number(kind=float, at_least=0, at_most=1)]


class SimulatedSymbolSection(Section):
    """A simulated market; omitted keys default to the known market of that name, or generic."""

    price: Positive = key("Price around which it moves.")
    annual_volatility_percent: Positive = key("Annual volatility in percent.")
    tick: Positive = key("Price step.")
    lot: Positive = key("Quantity step in base units.")
    min_quantity: NonNegative = key("Minimum quantity in base units.")
    min_notional: NonNegative = key("Minimum notional in quote currency.")
    contract_size: Positive = key("Base units per contract.")


def _markets(tables: Mapping[str, SimulatedSymbolSection]) -> dict[str, SimulatedSymbol]:
    return {symbol: _market(symbol, table) for symbol, table in tables.items()}


def _market(symbol: str, table: SimulatedSymbolSection) -> SimulatedSymbol:
    try:
        return replace(symbol_rules(SimulationRules(), symbol), **given_fields(table))
    except ValueError as e:
        raise ValueError(f"makes {symbol} invalid: {e}") from None


class SimulatedSection(Section):
    """Behavior of a simulated exchange, or of paper fills on a real one."""

    seed: Annotated[int, Number(kind=int, at_least=0)] = key(
        "Random seed: the same seed gives the same prices and fills."
    )
    speed: Positive = key("Simulated seconds per real second; the same on every exchange.")
    taker_fee_percent: Fee = key("Fee of market orders in percent.")
    maker_fee_percent: Fee = key("Fee of resting orders in percent.")
    slippage_bps: Annotated[Decimal, Number(at_least=0, below=10_000)] = key(
        "Basis points by which market orders fill worse."
    )
    latency_ms: Annotated[int, Duration()] = key("Round-trip time of a request.", name="latency")
    reject_probability: Probability = key("Share of entries that are rejected.")
    partial_fill_probability: Probability = key("Share of entries that are partially filled.")
    symbols: Annotated[dict[Symbol, SimulatedSymbolSection], AfterValidator(_markets)] = key(
        "Markets by symbol, where they differ from the built-in ones."
    )


def simulation_rules(table: SimulatedSection) -> SimulationRules:
    """Convert the section to rules; omitted keys keep their defaults."""
    return SimulationRules(**given_fields(table))
