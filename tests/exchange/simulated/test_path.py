"""The seeded price: the same for everybody, at any time, and shaped like a market's."""

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signalbot.exchange.simulated.price_path import PricePath

BLOCK_S = 1 << 24
MONTH_OF_MINUTES = 1_700_000_000 + 60 * np.arange(30 * 24 * 60, dtype=np.int64)


def path(*, seed: int = 1, symbol: str = "BTC/USDT:USDT", volatility: int = 60) -> PricePath:
    return PricePath(
        seed=seed,
        symbol=symbol,
        price=Decimal(60_000),
        annual_volatility_percent=Decimal(volatility),
    )


def minute_returns(
    seed: int, volatility: int = 60
) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    prices = path(seed=seed, volatility=volatility).at(MONTH_OF_MINUTES)
    returns: np.ndarray[tuple[int], np.dtype[np.float64]] = np.diff(np.log(prices))
    return returns


@settings(deadline=None)
@given(st.lists(st.integers(-(10**9), 5 * 10**9), min_size=1, max_size=50), st.integers(0, 5))
def test_one_time_alone_has_the_price_it_has_among_others(times: list[int], seed: int) -> None:
    """To the last bit: a restart, a warm-up and a stream all see the same price."""
    together = path(seed=seed).at(np.array(times, dtype=np.int64))
    alone = [path(seed=seed).at(np.array([time], dtype=np.int64))[0] for time in times]
    assert together.tolist() == alone


def test_seeds_and_symbols_have_paths_of_their_own() -> None:
    """Nothing moves in step by accident."""
    one = minute_returns(1)
    other_seed = minute_returns(2)
    other_symbol = np.diff(np.log(path(symbol="ETH/USDT:USDT").at(MONTH_OF_MINUTES)))
    for other in (other_seed, other_symbol):
        assert abs(np.corrcoef(one, other)[0, 1]) < 0.05


@pytest.mark.parametrize("volatility", [20, 60, 150])
@pytest.mark.parametrize("seed", range(4))
def test_the_annual_volatility_is_as_set(seed: int, volatility: int) -> None:
    """Within a factor of two over a month, whatever the regime."""
    annual = minute_returns(seed, volatility).std() * np.sqrt(365.25 * 24 * 60) * 100
    assert volatility / 2 < annual < volatility * 2


def test_over_many_regimes_the_annual_volatility_is_just_as_set() -> None:
    """Calm and wild times balance: the mean square is the configured one."""
    variances = [minute_returns(seed).var() * 365.25 * 24 * 60 for seed in range(40)]
    assert 0.54 < np.sqrt(np.mean(variances)) < 0.66


@pytest.mark.parametrize("seed", range(4))
def test_returns_have_fat_tails_and_cluster(seed: int) -> None:
    """Kurtosis above the normal's 3; large moves follow large moves; direction is unpredictable."""
    returns = minute_returns(seed)
    centred = returns - returns.mean()
    assert (centred**4).mean() / (centred**2).mean() ** 2 > 3.5
    assert np.corrcoef(np.abs(returns[:-1]), np.abs(returns[1:]))[0, 1] > 0.1
    assert abs(np.corrcoef(returns[:-1], returns[1:])[0, 1]) < 0.05


@settings(deadline=None)
@given(st.lists(st.integers(-(10**9), 5 * 10**9), min_size=1, max_size=20))
def test_prices_are_finite_and_above_zero(times: list[int]) -> None:
    """Even a wild market has a price at every second."""
    prices = path(volatility=300).at(np.array(times, dtype=np.int64))
    assert np.isfinite(prices).all()
    assert (prices > 0).all()


def test_the_price_returns_to_its_centre_at_every_block_end() -> None:
    """So it stays around what was configured for ever."""
    ends = BLOCK_S * np.arange(-3, 200, dtype=np.int64)
    assert np.allclose(path().at(ends), 60_000)
    between = path().at(ends + BLOCK_S // 3)
    assert (np.abs(np.log(between / 60_000)) > 0.01).mean() > 0.8


def test_the_path_has_no_jumps_where_intervals_meet() -> None:
    """Crossing a block's middle or end moves the price no more than any other second."""
    for middle in (BLOCK_S * 101, BLOCK_S * 101 + BLOCK_S // 2, BLOCK_S * 101 + 4096):
        around = path().at(np.arange(middle - 60, middle + 60, dtype=np.int64))
        assert np.abs(np.diff(np.log(around))).max() < 0.002
