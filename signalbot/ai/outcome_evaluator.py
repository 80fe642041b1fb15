"""Evaluates the price outcome of every signal an AI reviewed, traded or not.

The first later candle that touches the signal's stop or first target decides; if one candle touches
both, the stop counts, the conservative choice. After ``_HORIZON`` candles without either, the
close counts. Costs and slippage are ignored.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from signalbot.domain.errors import Unavailable
from signalbot.domain.market import Candle
from signalbot.domain.money import HUNDRED
from signalbot.domain.signals import Signal
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.ledger.ai_calls import AiCalls, AiOutcome, PriceOutcome
from signalbot.ports import Clock, Market

_HORIZON = 200
_HISTORY = 500  # candles: older signals cannot be evaluated
_INTERVAL_S = 300.0
_MAX_PER_ROUND = 20  # signals per round, within the exchanges' rate limits


class OutcomeEvaluator:
    """Evaluates pending signals at an interval and records their outcomes."""

    def __init__(self, calls: AiCalls, *, markets: Mapping[str, Market], clock: Clock) -> None:
        self._calls = calls
        self._markets = markets
        self._clock = clock

    async def run(self) -> None:
        """Evaluate pending signals every ``_INTERVAL_S`` until cancelled."""
        while True:
            await self._clock.sleep(_INTERVAL_S)
            await self.evaluate_pending()

    async def evaluate_pending(self) -> None:
        """Evaluate every pending signal that later candles decide."""
        now_ms = self._clock.now_ms()
        for signal in await self._calls.without_outcome(
            expired_before_ms=now_ms, limit=_MAX_PER_ROUND
        ):
            try:
                ended, move = await self._evaluate(signal, now_ms)
            except Unavailable:
                continue
            if ended is not None:
                outcome = AiOutcome(
                    signal_id=signal.signal_id,
                    ended=ended,
                    move_percent=move,
                    judged_at_ms=now_ms,
                )
                await self._calls.record_outcome(outcome)

    async def _evaluate(
        self, signal: Signal, now_ms: Ms
    ) -> tuple[PriceOutcome | None, Decimal | None]:
        market, timeframe = self._markets.get(signal.exchange), signal.timeframe or Timeframe.M5
        if market is None:
            return PriceOutcome.UNKNOWN, None
        end_ms = timeframe.floor(now_ms)
        candles = await market.history(signal.symbol, timeframe, end_ms=end_ms, limit=_HISTORY)
        if candles and candles[0].open_ms > signal.event_ms + timeframe.ms:
            return PriceOutcome.UNKNOWN, None
        return evaluate_outcome(
            signal, [each for each in candles if each.open_ms >= signal.event_ms]
        )


def evaluate_outcome(
    signal: Signal, candles: Sequence[Candle]
) -> tuple[PriceOutcome | None, Decimal | None]:  # fmt: skip
    """Return how an entry ended by the later ``candles``; None while it is open."""
    price, stop, sign = signal.price, signal.stop_loss, signal.action.side.sign
    if price is None or stop is None or not signal.action.is_entry:
        return PriceOutcome.UNKNOWN, None
    target = signal.take_profits[0] if signal.take_profits else None
    for candle in candles[:_HORIZON]:
        worst, best = (candle.low, candle.high) if sign > 0 else (candle.high, candle.low)
        if (worst - stop) * sign <= 0:
            return PriceOutcome.STOP, _move_percent(price, stop, sign)
        if target is not None and (best - target) * sign >= 0:
            return PriceOutcome.TARGET, _move_percent(price, target, sign)
    if len(candles) < _HORIZON:
        return None, None
    return PriceOutcome.TIME, _move_percent(price, candles[_HORIZON - 1].close, sign)


def _move_percent(price: Decimal, end: Decimal, sign: int) -> Decimal:
    return round((end - price) * sign / price * HUNDRED, 4)
