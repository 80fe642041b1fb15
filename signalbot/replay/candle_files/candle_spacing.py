"""Finds the timeframe of a file's candles and their alignment to the clock."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd
from typing import Final

from signalbot.domain.timeframe import DAY_MS, Timeframe

_BEFORE_THE_NEXT: Final = (1, 1_000)
"""Milliseconds before the next candle at which vendors let a candle end."""

_FEW: Final = 50  # one row in 50 may be off the grid
_HOUR_MS: Final = 3_600_000
_INTERVAL: Final = re.compile(
    r"(\d+)\s*(s|sec|m|min|mins|minute|minutes|h|hr|hour|hours|d|day|days)", re.IGNORECASE
)
_UNIT_MS: Final = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


@dataclass(frozen=True, slots=True)
class CandleGrid:
    """Times are ``phase_ms`` after the boundaries of ``timeframe``, except for ``outliers``."""

    timeframe: Timeframe
    phase_ms: int
    outliers: int

    @property
    def is_before_the_close(self) -> bool:
        """Whether a time is the last moment of its candle, such as 23:59:59.999."""
        return self.timeframe.ms - self.phase_ms in _BEFORE_THE_NEXT


class IrregularSpacing(Exception):
    """The times fit no timeframe; the message has their spacing."""


def find_grid(stamps: Sequence[int], length_ms: int | None) -> CandleGrid:
    """Find the grid of ``stamps``, in any order; ``length_ms`` is the length that rows state.

    The timeframe is the most frequent step if it fits nearly all rows, else the greatest common
    one: a file with gaps has larger steps, all of them multiples.

    Raises:
        IrregularSpacing: there is none.
    """
    times = sorted(set(stamps))
    steps = [after - before for before, after in pairwise(times)]
    if length_ms is not None:
        return _of_length(times, steps, length_ms)
    if not steps:
        raise IrregularSpacing("fewer than two candles with different times")
    counts = Counter(steps)
    most = max(counts.values())
    commonest = min(step for step, count in counts.items() if count == most)
    is_regular = 2 * most >= len(steps)
    tolerated = max(len(times) // _FEW, int(is_regular))
    timeframe = _timeframe(commonest)
    if timeframe is not None:
        grid = _grid(times, timeframe)
        if grid.outliers <= tolerated:
            return grid
    for each in sorted(Timeframe, key=lambda each: -each.ms):
        grid = _grid(times, each)
        if grid.outliers <= len(times) // _FEW and _common_step(times, grid) == each.ms:
            return grid
    raise IrregularSpacing(
        f"most rows are {_duration_text(commonest)} apart; supported timeframes are "
        f"{', '.join(Timeframe)}"
    )


def _of_length(times: Sequence[int], steps: Sequence[int], length_ms: int) -> CandleGrid:
    timeframe = _timeframe(length_ms)
    if timeframe is None:
        raise IrregularSpacing(
            f"rows state a length of {_duration_text(length_ms)}; supported timeframes are "
            f"{', '.join(Timeframe)}"
        )
    grid = _grid(times, timeframe)
    short = sum(step < length_ms for step in steps)
    if short > max(1, len(times) // _FEW):
        raise IrregularSpacing(
            f"rows state a length of {timeframe}, but {short} rows are closer together"
        )
    return grid


def zone_of(phase_ms: int) -> str | None:
    """Return a zone with midnight ``phase_ms`` after that of UTC; None unless a whole hour."""
    hours, rest = divmod(phase_ms % DAY_MS, _HOUR_MS)
    if rest or not hours:
        return None
    ahead = 24 - hours if hours > 10 else -hours  # noqa: PLR2004 - zones go from -12 to +14
    return {8: "Asia/Shanghai", 9: "Asia/Tokyo"}.get(ahead, f"{ahead:+03d}:00")


def _grid(times: Sequence[int], timeframe: Timeframe) -> CandleGrid:
    phases = Counter(at % timeframe.ms for at in times)
    phase, count = phases.most_common(1)[0]
    return CandleGrid(timeframe, phase, len(times) - count)


def _common_step(times: Sequence[int], grid: CandleGrid) -> int:
    """Return the greatest common step between the times on ``grid``."""
    on_it = [at for at in times if at % grid.timeframe.ms == grid.phase_ms]
    return gcd(*(after - before for before, after in pairwise(on_it)))


def _timeframe(length_ms: int) -> Timeframe | None:
    return next((each for each in Timeframe if each.ms == length_ms), None)


def _duration_text(length_ms: int) -> str:
    for unit, ms in (("d", DAY_MS), ("h", _HOUR_MS), ("min", 60_000)):
        if length_ms % ms == 0:
            return f"{length_ms // ms} {unit}"
    return f"{length_ms / 1000:g} s"


def interval_ms(text: str) -> int | None:
    """Return the length of ``1m``, ``5min``, ``4H``, ``1day``; None without unit, or for months."""
    found = _INTERVAL.fullmatch(text.strip())
    if found is None or found[2] == "M":
        return None
    return int(found[1]) * _UNIT_MS[found[2][0].lower()]


def several(texts: Iterable[str]) -> list[str]:
    """Return the distinct lengths among ``texts`` if there are several."""
    found = {text.strip() for text in texts if text.strip()}
    lengths = {interval_ms(text) or text for text in found}
    return sorted(found) if len(lengths) > 1 else []
