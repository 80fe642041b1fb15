"""What a simulated exchange is like when little or nothing is configured."""

from decimal import Decimal
from typing import Any

import pytest

from signalbot.domain.market import MarketKind
from signalbot.settings.simulation import (
    PRESET_SYMBOLS,
    SimulatedSymbol,
    SimulationRules,
    instrument_of,
    symbol_rules,
)


def test_configured_symbols_come_before_known_before_generic() -> None:
    """So a demo needs no configuration at all."""
    own = SimulatedSymbol(price=Decimal(7))
    rules = SimulationRules(symbols={"BTC/USDT:USDT": own})
    assert symbol_rules(rules, "BTC/USDT:USDT") is own
    assert symbol_rules(rules, "ETH/USDT:USDT") is PRESET_SYMBOLS["ETH/USDT:USDT"]
    assert symbol_rules(rules, "NEW/USDT:USDT").price == 100


def test_an_instrument_reads_its_currencies_from_the_symbol() -> None:
    """A settlement currency makes it a perpetual contract."""
    perp = instrument_of("BTC/USDT:USDT", PRESET_SYMBOLS["BTC/USDT:USDT"])
    assert (perp.base, perp.quote, perp.kind) == ("BTC", "USDT", MarketKind.SWAP)
    assert perp.tick == Decimal("0.1")
    assert instrument_of("BTC/EUR", SimulatedSymbol(price=Decimal(1))).kind is MarketKind.SPOT


@pytest.mark.parametrize("symbol", ["BTCUSDT", "", "/USDT", "BTC/"])
def test_what_is_not_a_symbol_is_not_listed(symbol: str) -> None:
    """As at any exchange: a KeyError."""
    with pytest.raises(KeyError):
        instrument_of(symbol, SimulatedSymbol(price=Decimal(1)))


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"reject_probability": 1.5}, "reject_probability must be between 0 and 1"),
        ({"taker_fee_percent": Decimal(-1)}, "taker_fee_percent must not be negative"),
        ({"speed": Decimal(0)}, "speed must be above zero"),
    ],
)
def test_impossible_rules_are_refused(terms: dict[str, Any], reason: str) -> None:
    """With the name of the setting."""
    with pytest.raises(ValueError, match=reason):
        SimulationRules(**terms)


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"price": Decimal(0)}, "price must be above zero"),
        ({"price": Decimal(1), "tick": Decimal(2)}, "tick 2 is larger than the price 1"),
        ({"price": Decimal(1), "min_notional": Decimal(-1)}, "must not be negative"),
    ],
)
def test_impossible_symbols_are_refused(terms: dict[str, Any], reason: str) -> None:
    """With the name of the setting."""
    with pytest.raises(ValueError, match=reason):
        SimulatedSymbol(**terms)
