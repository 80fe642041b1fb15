"""Simulated exchange driven by historical candles."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from decimal import Decimal

from signalbot.domain.market import Candle, Instrument
from signalbot.domain.timeframe import EPOCH, Ms, Timeframe
from signalbot.domain.users import User, UserId
from signalbot.exchange.simulated.accounts import ExchangeAccount
from signalbot.exchange.simulated.broker import SimulatedBroker
from signalbot.exchange.simulated.engine import MatchingEngine
from signalbot.exchange.simulated.exchange import COMPARE_INTERVAL_MS
from signalbot.exchange.simulated.market import SimulatedMarket
from signalbot.ports import Clock, Outage, RateAllowance
from signalbot.replay.equity_tracking import EquityTrack
from signalbot.settings.simulation import SimulationRules, instrument_of, symbol_rules
from signalbot.stream import Stream


class HistoricalExchange:
    """Implements ``Exchange``; ``advance`` plays the next candle."""

    def __init__(self, name: str, rules: SimulationRules, *, base: Timeframe, clock: Clock) -> None:
        def instrument(symbol: str) -> Instrument:
            return instrument_of(symbol, symbol_rules(rules, symbol))

        self._clock = clock
        self._follows_latency = rules.latency_ms > 0
        self._engine = MatchingEngine(exchange=name, rules=rules, instrument=instrument)
        self._engine.observe(self._track_account)
        self.tracks: dict[UserId, EquityTrack] = {}  #: recorded changes by account
        self.market = SimulatedMarket(instrument=instrument, history=_no_history, base=base)

    def _track_account(self, account: ExchangeAccount) -> EquityTrack:
        track = self.tracks[account.user_id] = EquityTrack(account.wallet)
        return track

    def set_upcoming(self, candle: Candle) -> None:
        """Set the candle that forms next; orders in transit meet the price within it."""
        if self._follows_latency:
            self._engine.upcoming(candle)

    def pay_funding(self, symbol: str, rate: Decimal, at_ms: Ms) -> Mapping[UserId, Decimal]:
        """Apply a funding payment to every position in a market; return the amount by account."""
        return self._engine.on_funding(symbol, rate, at_ms)

    def advance(self, candle: Candle) -> None:
        """Close one more candle: resting orders trade in it, then it is published."""
        self._engine.on_candle(candle)
        self.market.advance(candle)

    entry_block_reason: str | None = None
    retry_at_ms = EPOCH
    needs_reconciliation = False

    def rate_allowances(self) -> Sequence[RateAllowance]:
        return ()

    def outages(self) -> Sequence[Outage]:
        return ()

    def unexplained_changes(self) -> AsyncIterator[UserId]:
        """Never yields: a replay is the only trader of its accounts."""
        return Stream()

    def reconciliation_interval_ms(self, user_id: UserId) -> int:
        return COMPARE_INTERVAL_MS

    def broker(self, user: User, *, symbols: Collection[str] = ()) -> SimulatedBroker:
        return SimulatedBroker(
            engine=self._engine,
            user_id=user.user_id,
            deposit=user.account.paper_balance,
            clock=self._clock,
        )

    def release(self, user_id: UserId) -> None:
        """Do nothing: no user leaves a replay."""

    async def connect(self) -> None:
        """Do nothing: the exchange is always reachable."""

    async def prepare(self) -> None:
        """Do nothing: there is no earlier state."""

    async def run(self) -> None:
        """Do nothing: the replay advances the exchange."""


def _no_history(_symbol: str, _timeframe: Timeframe, _end: Ms, _limit: int) -> Sequence[Candle]:
    """Return no candles before the file begins: strategies warm up inside the replay."""
    return ()
