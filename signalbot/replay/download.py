"""Downloads past candles, funding rates and market rules from a real exchange, without a key."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from signalbot.app.exchanges import live_settings
from signalbot.domain.errors import Unavailable
from signalbot.domain.market import Candle, Instrument
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.ledger.database import open_replay_database
from signalbot.replay.candle_cache import CandleCache
from signalbot.replay.funding import FundingRate
from signalbot.settings.exchange import ExchangeSettings
from signalbot.settings.simulation import SimulatedSymbol, SimulationRules
from signalbot.tasks import SystemClock

if TYPE_CHECKING:
    from signalbot.exchange.live.exchange import LiveExchange

_MINUTE: Final = Timeframe.M1
_GAP_TO_SPLIT_MS: Final = 3_600_000
_CANDLES_PER_REQUEST: Final = 4_000  # below what one history request may return


@dataclass(frozen=True, slots=True)
class MinuteRange:
    """A time span from the open of its first minute to the close of its last."""

    from_ms: Ms
    until_ms: Ms


async def download_candles(
    settings: ExchangeSettings,
    spans: Mapping[str, MinuteRange],
    cache: CandleCache,
    *,
    on_request: Callable[[str, MinuteRange], None],
) -> Mapping[str, int]:
    """Complete ``cache`` for ``spans``, by symbol; only missing candles are requested.

    ``on_request`` is called before each request. Candles that the exchange does not have stay
    missing, as do those of unlisted markets; returns the number of missing minutes by symbol,
    omitting complete spans.

    Raises:
        Unavailable: the exchange cannot be reached; markets completed until then are cached.
    """
    cached = {symbol: cache.candles(symbol) for symbol in spans}
    missing = {symbol: _missing_ranges(span, cached[symbol]) for symbol, span in spans.items()}
    rules = cache.instruments()
    if not any(missing.values()) and all(symbol in rules for symbol in spans):
        return {}
    async with AsyncExitStack() as stack:
        exchange = await _open_exchange(settings, stack)
        listed = {symbol: _instrument(exchange, symbol) for symbol in spans}
        cache.save_instruments(each for each in listed.values() if each is not None)
        for symbol, parts in missing.items():
            if listed[symbol] is None:
                continue
            found = {each.open_ms: each for each in cached[symbol]}
            for part in parts:
                on_request(symbol, part)
                found |= await _fetch_candles(exchange, symbol, part)
            if len(found) > len(cached[symbol]):
                cache.save(symbol, (found[at] for at in sorted(found)))
    missing_minutes = {
        symbol: _missing_minutes(span, cache.candles(symbol)) for symbol, span in spans.items()
    }
    return {symbol: minutes for symbol, minutes in missing_minutes.items() if minutes}


def _missing_minutes(span: MinuteRange, cached: Sequence[Candle]) -> int:
    """Number of minutes of a span without a candle."""
    within = sum(span.from_ms <= each.open_ms < span.until_ms for each in cached)
    return (span.until_ms - span.from_ms) // _MINUTE.ms - within


async def download_funding(
    settings: ExchangeSettings, symbol: str, span: MinuteRange
) -> list[FundingRate]:  # fmt: skip
    """Return the funding rates of a market within ``span``, oldest first; empty if it has none.

    Raises:
        Unavailable: the exchange cannot be reached, or does not offer them.
    """
    async with AsyncExitStack() as stack:
        exchange = await _open_exchange(settings, stack)
        rates = await exchange.funding_rates(symbol, since_ms=span.from_ms, until_ms=span.until_ms)
        return [FundingRate(at_ms, rate) for at_ms, rate in rates]


def with_rules(
    settings: ExchangeSettings, instruments: Mapping[str, Instrument]
) -> ExchangeSettings:
    """Return settings for simulating the exchange with its real tick sizes, lots and minimums.

    Market rules that the configuration sets for paper fills take precedence.
    """
    rules = settings.simulated or SimulationRules()
    real = {
        symbol: SimulatedSymbol(
            price=max(each.tick, each.lot),
            tick=each.tick,
            lot=each.lot,
            min_quantity=each.min_quantity,
            min_notional=each.min_notional,
            contract_size=each.contract_size,
        )
        for symbol, each in instruments.items()
    }
    return replace(settings, simulated=replace(rules, symbols={**real, **rules.symbols}))


def _missing_ranges(span: MinuteRange, cached: Sequence[Candle]) -> list[MinuteRange]:
    """Return the ranges to request, so that the cached candles stay contiguous.

    Long gaps are requested again; a few minutes without a candle are minutes without a trade.
    """
    if not cached:
        return [span]
    first_ms, last_ms = cached[0].open_ms, cached[-1].close_ms
    gaps = (
        MinuteRange(before.close_ms, after.open_ms)
        for before, after in pairwise(cached)
        if after.open_ms - before.close_ms >= _GAP_TO_SPLIT_MS
    )
    parts = (MinuteRange(span.from_ms, first_ms), *gaps, MinuteRange(last_ms, span.until_ms))
    return [each for each in parts if each.from_ms < each.until_ms]


async def _fetch_candles(
    exchange: "LiveExchange", symbol: str, span: MinuteRange
) -> dict[Ms, Candle]:
    found: dict[Ms, Candle] = {}
    at_ms = span.from_ms
    while at_ms < span.until_ms:
        end_ms = min(span.until_ms, Ms(at_ms + _CANDLES_PER_REQUEST * _MINUTE.ms))
        count = (end_ms - at_ms) // _MINUTE.ms
        for candle in await exchange.market.history(symbol, _MINUTE, end_ms=end_ms, limit=count):
            found[candle.open_ms] = candle
        at_ms = end_ms
    return found


async def _open_exchange(settings: ExchangeSettings, stack: AsyncExitStack) -> "LiveExchange":
    """Connect to the exchange's public API, without accounts.

    Raises:
        Unavailable: the exchange cannot be reached.
    """
    from signalbot.exchange.live.exchange import LiveExchange  # noqa: PLC0415
    from signalbot.exchange.live.registry import adapters_of  # noqa: PLC0415 - ccxt is large

    folder = stack.enter_context(TemporaryDirectory(prefix="signalbot-candles-"))
    database = await stack.enter_async_context(open_replay_database(Path(folder) / "none.db"))
    exchange = LiveExchange(
        live_settings(settings),
        adapters=adapters_of(settings.ccxt_id),
        credentials={},
        clock=SystemClock(),
    )
    stack.push_async_callback(exchange.close)
    try:
        await exchange.open(database)
        await exchange.connect()
    except Unavailable as e:
        raise Unavailable(f"{settings.name} cannot return candles: {e}") from e
    return exchange


def _instrument(exchange: "LiveExchange", symbol: str) -> Instrument | None:
    try:
        return exchange.market.instrument(symbol)
    except KeyError:
        return None
