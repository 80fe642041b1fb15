"""What an exchange has told is kept to the last digit, and asked for no more."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.errors import ConfigError
from signalbot.domain.market import Candle, Instrument
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.replay.candle_cache import CandleCache
from signalbot.replay.download import with_rules
from signalbot.settings.exchange import ExchangeSettings
from signalbot.settings.simulation import SimulatedSymbol, SimulationRules, symbol_rules

PEPE = "1000PEPE/USDT:USDT"
RULES = Instrument(
    symbol=PEPE, base="1000PEPE", quote="USDT", tick=Decimal("0.0000001"), lot=Decimal(100),
    min_quantity=Decimal(100), min_notional=Decimal(5),
)  # fmt: skip
TERMS = ExchangeSettings(name="real", ccxt_id="binanceusdm", sandbox=False, ccxt={}, simulated=None)


@given(st.lists(st.decimals("0.00000001", "99999", places=8), min_size=2, max_size=5))
def test_candles_come_back_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, prices: list[Decimal]
) -> None:
    """Prices far below one cent included."""
    cache = CandleCache(tmp_path_factory.mktemp("cache"), "real")
    candles = [
        Candle(
            symbol=PEPE, timeframe=Timeframe.M1, open_ms=Ms(place * 60_000),
            open=price, high=price, low=price, close=price, volume=Decimal(place),
        )
        for place, price in enumerate(prices)
    ]  # fmt: skip
    cache.save(PEPE, candles)
    assert list(cache.candles(PEPE)) == candles


def test_rules_of_several_markets_are_kept_together(tmp_path: Path) -> None:
    """One learnt later does not drive out another."""
    cache = CandleCache(tmp_path, "real")
    assert cache.instruments() == {}
    cache.save_instruments([RULES])
    other = Instrument(symbol="A/B", base="A", quote="B", tick=Decimal(1), lot=Decimal(1))
    cache.save_instruments([other])
    assert cache.instruments() == {PEPE: RULES, "A/B": other}


def test_a_file_that_somebody_broke_is_named(tmp_path: Path) -> None:
    """With what to do about it."""
    path = tmp_path / "candles" / "real" / "rules.json"
    path.parent.mkdir(parents=True)
    path.write_text('[{"symbol": "A/B"}]')
    with pytest.raises(ConfigError, match=r"rules\.json: cannot be read: remove it"):
        CandleCache(tmp_path, "real").instruments()


def test_paper_fills_use_the_real_grid_unless_the_file_says_otherwise() -> None:
    """A coin that costs a thousandth of a cent is not rounded to cents."""
    rules = with_rules(TERMS, {PEPE: RULES}).simulated
    assert rules is not None
    known = symbol_rules(rules, PEPE)
    assert (known.tick, known.lot, known.min_notional) == (RULES.tick, RULES.lot, Decimal(5))
    own = SimulatedSymbol(price=Decimal(1), tick=Decimal("0.5"))
    mine = ExchangeSettings(
        name="real", ccxt_id="binanceusdm", sandbox=False, ccxt={},
        simulated=SimulationRules(symbols={PEPE: own}),
    )  # fmt: skip
    kept = with_rules(mine, {PEPE: RULES}).simulated
    assert kept is not None
    assert symbol_rules(kept, PEPE) is own
