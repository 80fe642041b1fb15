"""What a replay covers: which candles, over which time, and what was wrong with their source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from signalbot.domain.timeframe import Ms, Timeframe


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    symbol: str
    timeframe: Timeframe  #: of the candles that were read
    start_ms: Ms  #: open of the first candle
    end_ms: Ms  #: close of the last, exclusive
    candles: int
    dropped: Mapping[str, int]  #: unusable rows, by what is wrong with them
    gaps: int  #: places where at least one candle is missing
    missing: int  #: candles missing in all gaps together
    notes: Sequence[str] = ()  #: what was decided about the source, for people
