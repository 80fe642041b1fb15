"""A reproducible price for every second of all time.

The logarithm of the price is a Brownian bridge, built by midpoint displacement (Lévy's
construction): over a block of 2^24 seconds the price leaves from and returns to its centre, and
every halving of an interval moves its middle by an independent deviate of variance length / 4.
A price at one instant is therefore a sum over 24 levels, without any state or order of evaluation.
Deviates come from hashing (seed, symbol, level, interval), so history and stream agree, also
across restarts. A cascade of lognormal factors on nested intervals makes volatility change
slowly (Calvet & Fisher's multifractal model): returns cluster and have fat tails.
"""

import hashlib
import math
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

Instants = NDArray[np.int64]
Floats = NDArray[np.float64]

_LEVELS: Final = 24  # a block lasts 2^24 seconds, about 194 days
_CELL_LEVEL: Final = 6  # the levels above are straight lines within 64 seconds: evaluated once
_REGIME_LEVELS: Final = frozenset((20, 17, 14, 11))  # from 12 days down to 34 minutes
_REGIME_SPREAD: Final = 0.25  # of the logarithm of volatility, per regime level
_YEAR_S: Final = 365.25 * 86_400

_GOLDEN_RATIO: Final = 0x9E3779B97F4A7C15
_UINT64_MASK: Final = (1 << 64) - 1
# The sum of four 16-bit uniforms has this mean and standard deviation.
_SUM_MEAN: Final = 2.0 * 65_535
_SUM_DEVIATION: Final = math.sqrt(4 * (65_536.0**2 - 1) / 12)


class PricePath:
    """The price of one symbol over all time. The same arguments always give the same path."""

    def __init__(
        self, *, seed: int, symbol: str, price: Decimal, annual_volatility_percent: Decimal
    ) -> None:
        self._key = _key(seed, symbol)
        self._log_centre = math.log(price)
        self._deviation = float(annual_volatility_percent) / 100 / math.sqrt(_YEAR_S)

    def at(self, times_s: Instants) -> Floats:
        """Prices at whole epoch seconds, in any order. Each is finite and above zero."""
        cells, cell_of = np.unique(times_s >> _CELL_LEVEL, return_inverse=True)
        left, volatility = self._coarse(cells << _CELL_LEVEL)
        right, _ = self._coarse((cells + 1) << _CELL_LEVEL)
        share = (times_s & ((1 << _CELL_LEVEL) - 1)) / (1 << _CELL_LEVEL)
        log_price = left[cell_of] + (right - left)[cell_of] * share
        for level in range(_CELL_LEVEL, 0, -1):
            log_price = log_price + volatility[cell_of] * self._bump(level, times_s)
        return np.exp(log_price)

    def noise(self, times_s: Instants) -> Floats:
        """Deviates of mean 0 and variance 1, one per second of ``times_s``: for volumes."""
        return _deviates(self._key, 0, times_s)

    def _coarse(self, times_s: Instants) -> tuple[Floats, Floats]:
        """Log price by the coarse levels alone, and the deviation per root second around it.

        Between two edges of a cell the first is a straight line and the second constant.
        """
        log_price = np.full(times_s.shape, self._log_centre)
        volatility = np.full(times_s.shape, self._deviation)
        for level in range(_LEVELS, _CELL_LEVEL, -1):
            if level in _REGIME_LEVELS:
                volatility = volatility * self._regime(level, times_s)
            log_price = log_price + volatility * self._bump(level, times_s)
        return log_price, volatility

    def _bump(self, level: int, times_s: Instants) -> Floats:
        """What one level adds, per unit of volatility: a tent of random height per interval."""
        last = (1 << level) - 1
        to_edge: Instants = np.minimum(times_s & last, -times_s & last)  # at most 2^level / 2
        slope = 1 / math.sqrt(1 << level)  # so the middle deviates by the root of 2^level / 4
        return to_edge.astype(np.float64) * slope * _deviates(self._key, level, times_s >> level)

    def _regime(self, level: int, times_s: Instants) -> Floats:
        """Factors with a mean square of one, so the annual volatility stays as set."""
        deviate = _deviates(self._key, _LEVELS + level, times_s >> level)
        return np.exp(_REGIME_SPREAD * deviate - _REGIME_SPREAD**2)


def _key(seed: int, symbol: str) -> int:
    digest = hashlib.sha256(f"{seed}|{symbol}".encode()).digest()
    return int.from_bytes(digest[:8], "big")


def _deviates(key: int, stream: int, counter: Instants) -> Floats:
    """Deviates of mean 0 and variance 1 from a hash of (key, stream, counter).

    The sum of four uniforms: near enough to normal, since a price adds up 24 of them, and made of
    integers, so it is the same to the last bit on every machine and for every batch size.
    """
    offset = np.uint64((key + stream * 0xD1342543DE82EF95) & _UINT64_MASK)
    value = _splitmix64(counter.astype(np.uint64) * np.uint64(_GOLDEN_RATIO) + offset)
    total = value & np.uint64(0xFFFF)
    for shift in (16, 32, 48):
        total = total + ((value >> np.uint64(shift)) & np.uint64(0xFFFF))
    return (total.astype(np.float64) - _SUM_MEAN) / _SUM_DEVIATION


def _splitmix64(value: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The finaliser of SplitMix64 (Steele, Lea & Flood 2014): every input bit moves all others."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))
