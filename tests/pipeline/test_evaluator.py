"""One run per candle whatever the number of subscribers, and never on half of what it needs."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from signalbot.domain.market import Candle
from signalbot.domain.signals import Action, Signal, Strength
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import UserId
from signalbot.exchange.simulated.market import SimulatedMarket
from signalbot.ledger.accounts import Accounts, StrategyRecord
from signalbot.ledger.database import Database, open_replay_database
from signalbot.ledger.signals import Signals
from signalbot.pipeline.signals.candle_feed import CandleFeed, CandleKey
from signalbot.pipeline.signals.evaluator import Deployment, Evaluator
from signalbot.replay import virtual_time
from signalbot.replay.historical_exchange import HistoricalExchange
from signalbot.settings.simulation import SimulationRules
from signalbot.strategies.base import LocalStrategy, SignalProposal, Windows
from signalbot.tasks import LoopClock

BTC = "BTC/USDT:USDT"
START = Ms(1_700_000_100_000 - 1_700_000_100_000 % 3_600_000)


class Counting:
    """Proposes LONG on every candle, counts its runs and checks its windows."""

    kind: ClassVar[str] = "counting"

    def __init__(self, timeframe: Timeframe, warm_up: Mapping[Timeframe, int]) -> None:
        self.timeframe = timeframe
        self.warm_up = warm_up
        self.runs: list[Ms] = []

    @classmethod
    def build(cls, timeframe: Timeframe, params: Mapping[str, Any]) -> LocalStrategy:
        raise NotImplementedError

    def on_candle(self, windows: Windows) -> SignalProposal | None:
        closes = {timeframe: window.close_ms for timeframe, window in windows.items()}
        now = closes[self.timeframe]
        assert now is not None
        assert all(close == timeframe.floor(now) for timeframe, close in closes.items())
        self.runs.append(now)
        return SignalProposal(
            action=Action.LONG, strength=Strength.WEAK, confidence=0.5, reason="always"
        )


class Broken(Counting):
    """Fails on every candle."""

    def on_candle(self, windows: Windows) -> SignalProposal | None:
        raise ZeroDivisionError("bad strategy")


def candle(timeframe: Timeframe, open_ms: int) -> Candle:
    return Candle(
        symbol=BTC,
        timeframe=timeframe,
        open_ms=Ms(open_ms),
        open=Decimal(100),
        high=Decimal(101),
        low=Decimal(99),
        close=Decimal(100),
        volume=Decimal(1),
    )


class Stage:
    """An evaluator with one strategy, its ledger and what it emitted."""

    def __init__(self, database: Database, clock: LoopClock, strategy: LocalStrategy) -> None:
        self.database, self.clock = database, clock
        self.emitted: list[Signal] = []
        side = HistoricalExchange("sim", SimulationRules(), base=Timeframe.M1, clock=clock)
        self.evaluator = Evaluator(
            signals=Signals(database),
            markets={"sim": side.market},
            feed=CandleFeed({"sim": side.market}, clock),
            emit=self._emit,
            clock=clock,
        )
        self.evaluator.deploy(
            Deployment(
                name="trend",
                strategy=strategy,
                exchange="sim",
                symbols=(BTC,),
                signal_ttl_ms=300_000,
            )
        )

    async def _emit(self, signal: Signal) -> None:
        self.emitted.append(signal)

    async def close(self, timeframe: Timeframe, open_ms: int, *, is_history: bool = False) -> None:
        key = CandleKey("sim", BTC, timeframe)
        await self.evaluator.on_candle(key, candle(timeframe, open_ms), is_history=is_history)

    async def runs(self) -> list[tuple[int, str, int]]:
        await self.database.flush()
        rows = await self.database.query(
            "SELECT candle_close_ms, outcome, subscribers FROM strategy_runs ORDER BY 1"
        )
        return [tuple(row) for row in rows]


def play(tmp_path: Path, strategy: LocalStrategy, story: Any) -> None:
    async def main() -> None:
        clock = LoopClock(START)
        async with open_replay_database(tmp_path / "ledger.db") as database:
            record = StrategyRecord(
                name="trend", kind="x", exchange="sim", symbols=(BTC,), timeframe="1m",
                signal_ttl_ms=300_000, params="{}",
            )  # fmt: skip
            await Accounts(database).sync(
                users=(), strategies=[record], subscriptions=(), now_ms=START
            )
            await story(Stage(database, clock, strategy))

    virtual_time.run_virtual(main())


def test_one_run_per_candle_with_a_thousand_subscribers(tmp_path: Path) -> None:
    """A thousand users, one run, one signal; the run knows how many listen."""
    strategy = Counting(Timeframe.M1, {Timeframe.M1: 1})

    async def story(stage: Stage) -> None:
        for number in range(1000):
            await stage.evaluator.subscribe("trend", UserId(f"user{number}"))
        for minute in range(3):
            await stage.close(Timeframe.M1, START + minute * 60_000)
            await stage.clock.sleep(60)
        assert len(strategy.runs) == 3
        assert len(stage.emitted) == 3
        assert [row[1:] for row in await stage.runs()] == [("signal", 1000)] * 3

    play(tmp_path, strategy, story)


def test_no_run_without_a_subscriber(tmp_path: Path) -> None:
    """The last unsubscription stops it; the next subscription starts it again."""
    strategy = Counting(Timeframe.M1, {Timeframe.M1: 1})

    async def story(stage: Stage) -> None:
        await stage.close(Timeframe.M1, START)
        assert strategy.runs == []
        await stage.evaluator.subscribe("trend", UserId("anna"))
        await stage.close(Timeframe.M1, START + 60_000)
        assert len(strategy.runs) == 1
        stage.evaluator.unsubscribe("trend", UserId("anna"))
        await stage.close(Timeframe.M1, START + 120_000)
        assert len(strategy.runs) == 1

    play(tmp_path, strategy, story)


def test_a_candle_that_is_evaluated_again_makes_no_second_signal(tmp_path: Path) -> None:
    """After a restart the same candle gives the same signal id, which is stored already."""
    strategy = Counting(Timeframe.M1, {Timeframe.M1: 1})

    async def story(stage: Stage) -> None:
        await stage.evaluator.subscribe("trend", UserId("anna"))
        await stage.close(Timeframe.M1, START)
        stage.evaluator.unsubscribe("trend", UserId("anna"))
        await stage.evaluator.subscribe("trend", UserId("anna"))
        await stage.close(Timeframe.M1, START)
        assert len(stage.emitted) == 1
        assert len(await stage.runs()) == 1

    play(tmp_path, strategy, story)


def test_several_timeframes_are_all_closed_when_a_strategy_decides(tmp_path: Path) -> None:
    """At the hour the 5m candle waits for the 1h candle that closes with it, in either order."""
    strategy = Counting(Timeframe.M5, {Timeframe.M5: 2, Timeframe.H1: 1})
    hour = START + 3_600_000

    async def story(stage: Stage) -> None:
        await stage.evaluator.subscribe("trend", UserId("anna"))
        await stage.clock.sleep(3_600)
        await stage.close(Timeframe.M5, hour - 600_000, is_history=True)
        await stage.close(Timeframe.H1, START - 3_600_000, is_history=True)
        await stage.close(Timeframe.M5, hour - 300_000)
        assert strategy.runs == []
        await stage.close(Timeframe.H1, START)
        assert strategy.runs == [hour]
        await stage.clock.sleep(300)
        await stage.close(Timeframe.M5, hour)
        assert strategy.runs == [hour, hour + 300_000]

    play(tmp_path, strategy, story)


def test_a_missing_timeframe_makes_a_skipped_run_not_a_guess(tmp_path: Path) -> None:
    """The 1h candle never came: the run is recorded as skipped when the next one is due."""
    strategy = Counting(Timeframe.M5, {Timeframe.M5: 1, Timeframe.H1: 1})
    hour = START + 3_600_000

    async def story(stage: Stage) -> None:
        await stage.evaluator.subscribe("trend", UserId("anna"))
        await stage.clock.sleep(3_600)
        await stage.close(Timeframe.H1, START - 3_600_000, is_history=True)
        await stage.close(Timeframe.M5, hour - 300_000)
        await stage.clock.sleep(300)
        await stage.close(Timeframe.M5, hour)
        assert strategy.runs == []
        assert [row[1] for row in await stage.runs()] == ["skipped"]

    play(tmp_path, strategy, story)


def test_a_candle_later_than_its_signal_could_live_is_not_traded_on(tmp_path: Path) -> None:
    """It fills the window and is recorded as skipped."""
    strategy = Counting(Timeframe.M1, {Timeframe.M1: 1})

    async def story(stage: Stage) -> None:
        await stage.evaluator.subscribe("trend", UserId("anna"))
        await stage.clock.sleep(600)
        await stage.close(Timeframe.M1, START)
        assert strategy.runs == []
        assert [row[1] for row in await stage.runs()] == ["skipped"]

    play(tmp_path, strategy, story)


def test_a_strategy_that_fails_is_a_failed_run(tmp_path: Path) -> None:
    """Recorded with its error; the evaluator goes on."""

    async def story(stage: Stage) -> None:
        await stage.evaluator.subscribe("trend", UserId("anna"))
        await stage.close(Timeframe.M1, START)
        await stage.close(Timeframe.M1, START + 60_000)
        assert [row[1] for row in await stage.runs()] == ["failed", "failed"]
        assert stage.emitted == []

    play(tmp_path, Broken(Timeframe.M1, {Timeframe.M1: 1}), story)


def test_one_that_joins_a_stream_under_way_has_its_history_at_once(tmp_path: Path) -> None:
    """The stream has delivered it already; the new strategy runs on the next candle."""
    first = Counting(Timeframe.M1, {Timeframe.M1: 1})
    newcomer = Counting(Timeframe.M1, {Timeframe.M1: 4})

    async def story(stage: Stage) -> None:
        closed: list[Candle] = []
        side = HistoricalExchange("sim", SimulationRules(), base=Timeframe.M1, clock=stage.clock)
        market = SimulatedMarket(
            instrument=side.market.instrument,
            history=lambda _symbol, _timeframe, _end, limit: closed[-limit:],
        )
        feed = CandleFeed({"sim": market}, stage.clock)
        evaluator = Evaluator(
            signals=Signals(stage.database),
            markets={"sim": market},
            feed=feed,
            emit=stage._emit,
            clock=stage.clock,
        )
        evaluator.deploy(_deployment("trend", first))
        await evaluator.subscribe("trend", UserId("anna"))
        async with asyncio.TaskGroup() as group:
            following = group.create_task(feed.run(evaluator.on_candle))
            await stage.clock.sleep(1)
            for minute in range(6):
                if minute == 5:
                    evaluator.deploy(_deployment("other", newcomer))
                    await evaluator.subscribe("other", UserId("anna"))
                await stage.clock.sleep_until(Ms(START + (minute + 1) * 60_000))
                closed.append(candle(Timeframe.M1, START + minute * 60_000))
                market.advance(closed[-1])
                await stage.clock.sleep(1)
            following.cancel()
        assert newcomer.runs == [START + 360_000]

    play(tmp_path, first, story)


def _deployment(name: str, strategy: LocalStrategy) -> Deployment:
    return Deployment(
        name=name, strategy=strategy, exchange="sim", symbols=(BTC,), signal_ttl_ms=300_000
    )
