"""Candles of a time that is over are fetched whole, and what is not told is counted."""

from decimal import Decimal
from pathlib import Path

from signalbot.config.load import load
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.replay.candle_cache import CandleCache
from signalbot.replay.download import MinuteRange, download_candles
from signalbot.tasks import SystemClock
from tests.venue.server import Venue, venue

BTC = "BTC/USDT:USDT"
MINUTE_MS, DAY_MS = 60_000, 86_400_000
SPAN = 700  # minutes: more than any page


def _push(it: Venue, from_ms: int, count: int) -> None:
    at = Decimal(50_000)
    for number in range(count):
        open_ms = from_ms + number * MINUTE_MS
        it.engine.push_candle("BTCUSDT", "1m", open_ms, at, at, at, at, tell=False)


async def test_minutes_of_long_ago_are_whole_at_bitget_and_what_is_missing_is_said(
    tmp_path: Path,
) -> None:
    """Of a longer window than 200 candles only its last 200 are told.

    https://www.bitget.com/api-doc/contract/market/Get-History-Candle-Data
    """
    async with venue("bitget") as it:
        file = tmp_path / "config.toml"
        file.write_text(
            '[daemon]\nstate_dir = "state"\n[exchanges.x]\nccxt_id = "bitget"\n' + it.toml("x")
        )
        terms, cache = load(file, {}).exchanges["x"], CandleCache(tmp_path, "x")
        since_ms = Ms(Timeframe.M1.floor(SystemClock().now_ms()) - 200 * DAY_MS)
        span = MinuteRange(since_ms, Ms(since_ms + SPAN * MINUTE_MS))
        asked: list[MinuteRange] = []
        _push(it, since_ms, 300)
        _push(it, since_ms + 400 * MINUTE_MS, 300)
        lacking = await download_candles(
            terms, {BTC: span}, cache, on_request=lambda _, part: asked.append(part)
        )
        assert lacking == {BTC: 100}
        assert len(cache.candles(BTC)) == 600
        _push(it, since_ms + 300 * MINUTE_MS, 100)
        again = await download_candles(
            terms, {BTC: span}, cache, on_request=lambda _, part: asked.append(part)
        )
        assert again == {}
        assert len(cache.candles(BTC)) == SPAN
        hole = MinuteRange(Ms(since_ms + 300 * MINUTE_MS), Ms(since_ms + 400 * MINUTE_MS))
        assert asked == [span, hole], "only the hole is asked for again"
