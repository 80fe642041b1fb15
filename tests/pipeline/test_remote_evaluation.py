"""Remote strategies run in order, once per candle, and delay no other strategy."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from signalbot.domain.signals import Action, Strength
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import UserId
from signalbot.ledger.accounts import Accounts, StrategyRecord
from signalbot.ledger.database import open_replay_database
from signalbot.pipeline.signals.evaluator import Deployment
from signalbot.replay import virtual_time
from signalbot.strategies.base import SignalProposal, StrategyFailed, StrategySuspended, Tables
from signalbot.tasks import LoopClock
from tests.pipeline.test_evaluator import BTC, START, Counting, Stage

ANNA = UserId("anna")


class Slow:
    """Proposes LONG after a delay, and stores the candles it was run on."""

    def __init__(self, clock: LoopClock, delay_s: float, *, length: int = 1) -> None:
        self.timeframe = Timeframe.M1
        self.warm_up: Mapping[Timeframe, int] = {Timeframe.M1: length}
        self.max_concurrent = 1
        self.seen: list[tuple[Ms, int]] = []
        self.rests = 0
        self.raises: Exception | None = None
        self._clock = clock
        self._delay_s = delay_s

    async def evaluate(self, symbol: str, tables: Tables) -> SignalProposal | None:
        assert symbol == BTC
        await self._clock.sleep(self._delay_s)
        table = tables[self.timeframe]
        self.seen.append((table.close_ms, len(table)))
        if self.raises is not None:
            raise self.raises
        return SignalProposal(
            action=Action.LONG, strength=Strength.WEAK, confidence=0.5, reason="late"
        )

    def suspend(self) -> None:
        self.rests += 1


Story = Callable[[Stage, Slow], Awaitable[None]]


def play(tmp_path: Path, story: Story, *, delay_s: float, length: int = 1) -> None:
    """A stage with a slow strategy, "trend", and a built-in one, "quick"."""

    async def main() -> None:
        clock = LoopClock(START)
        async with open_replay_database(tmp_path / "ledger.db") as database:
            records = [
                StrategyRecord(
                    name=name, kind="x", exchange="sim", symbols=(BTC,), timeframe="1m",
                    signal_ttl_ms=300_000, params="{}",
                )
                for name in ("trend", "quick")
            ]  # fmt: skip
            await Accounts(database).sync(
                users=(), strategies=records, subscriptions=(), now_ms=START
            )
            slow = Slow(clock, delay_s, length=length)
            stage = Stage(database, clock, Counting(Timeframe.M1, {Timeframe.M1: 1}))
            stage.evaluator.deploy(deployment("quick", Counting(Timeframe.M1, {Timeframe.M1: 1})))
            stage.evaluator.deploy(deployment("trend", slow))
            async with asyncio.TaskGroup() as group:
                running = group.create_task(stage.evaluator.run())
                await stage.evaluator.subscribe("trend", ANNA)
                await story(stage, slow)
                running.cancel()

    virtual_time.run_virtual(main())


def deployment(name: str, strategy: Counting | Slow) -> Deployment:
    return Deployment(
        name=name, strategy=strategy, exchange="sim", symbols=(BTC,), signal_ttl_ms=300_000
    )


async def minutes(stage: Stage, count: int, *, first: int = 0) -> None:
    """Deliver ``count`` candles, each at its close."""
    for minute in range(first, first + count):
        await stage.clock.sleep_until(Ms(START + (minute + 1) * 60_000))
        await stage.close(Timeframe.M1, START + minute * 60_000)


def test_a_slow_strategy_delays_no_other(tmp_path: Path) -> None:
    """The built-in one on the same candles has its signal at once, each time."""

    async def story(stage: Stage, slow: Slow) -> None:
        await stage.evaluator.subscribe("quick", ANNA)
        await minutes(stage, 3)
        quick = [each for each in stage.emitted if each.strategy == "quick"]
        assert [each.created_at_ms - (each.candle_close_ms or 0) for each in quick] == [0, 0, 0]
        await stage.clock.sleep(120)
        late = [each for each in stage.emitted if each.strategy == "trend"]
        assert [each.created_at_ms - (each.candle_close_ms or 0) for each in late] == [20_000] * 3

    play(tmp_path, story, delay_s=20)


def test_candles_are_considered_in_order_once_each_as_they_were(tmp_path: Path) -> None:
    """Though the answer comes when later candles have closed already."""

    async def story(stage: Stage, slow: Slow) -> None:
        await minutes(stage, 5)
        await stage.clock.sleep(600)
        assert slow.seen == [(START + (minute + 1) * 60_000, 2) for minute in range(1, 5)]
        runs = await stage.runs()
        assert [(close, outcome) for close, outcome, _ in runs] == [
            (START + (minute + 1) * 60_000, "signal") for minute in range(1, 5)
        ]

    play(tmp_path, story, delay_s=70, length=2)


def test_a_candle_evaluated_too_late_is_skipped(tmp_path: Path) -> None:
    """A signal on it would have expired; the run records the reason."""

    async def story(stage: Stage, slow: Slow) -> None:
        await minutes(stage, 3)
        await stage.clock.sleep(2_000)
        assert [outcome for _, outcome, _ in await stage.runs()] == ["signal", "skipped", "skipped"]

    play(tmp_path, story, delay_s=1_000)


def test_a_strategy_that_is_far_behind_passes_over_the_oldest(tmp_path: Path) -> None:
    """What waits for it is bounded; every candle has its run all the same."""

    async def story(stage: Stage, slow: Slow) -> None:
        await minutes(stage, 30)
        await stage.database.flush()
        waiting = 30 - len(await stage.runs())
        assert waiting <= 17
        await stage.clock.sleep(20_000)
        assert len(await stage.runs()) == 30

    play(tmp_path, story, delay_s=10_000)


def test_failure_and_rest_are_runs_of_their_own_kind(tmp_path: Path) -> None:
    """With the whole report as the error of the run."""

    async def story(stage: Stage, slow: Slow) -> None:
        for minute, raised in enumerate(
            (StrategyFailed("boom\n  in own.py"), StrategySuspended("rests"), OSError())
        ):
            slow.raises = raised
            await minutes(stage, 1, first=minute)
            await stage.clock.sleep(5)
        await stage.database.flush()
        rows = await stage.database.query(
            "SELECT outcome, error FROM strategy_runs ORDER BY candle_close_ms"
        )
        assert [tuple(row) for row in rows] == [
            ("failed", "boom\n  in own.py"), ("skipped", "rests"), ("failed", "OSError: "),
        ]  # fmt: skip
        assert stage.emitted == []

    play(tmp_path, story, delay_s=0)


def test_without_followers_it_rests_and_its_answers_are_not_awaited(tmp_path: Path) -> None:
    """The last one gone withdraws the question that is out."""

    async def story(stage: Stage, slow: Slow) -> None:
        await minutes(stage, 1)
        await stage.clock.sleep(1)
        stage.evaluator.unsubscribe("trend", ANNA)
        await stage.clock.sleep(100)
        assert slow.rests == 1
        assert stage.emitted == []

    play(tmp_path, story, delay_s=20)


def test_a_strategy_can_be_replaced_between_candles(tmp_path: Path) -> None:
    """A candle that the former one considered is not considered again."""

    async def story(stage: Stage, slow: Slow) -> None:
        await minutes(stage, 2)
        await stage.clock.sleep(1)
        other = Slow(stage.clock, 0)
        await stage.database.flush()
        stage.evaluator.unsubscribe("trend", ANNA)
        stage.evaluator.deploy(deployment("trend", other))
        await stage.evaluator.subscribe("trend", ANNA)
        await stage.close(Timeframe.M1, START + 60_000)
        await minutes(stage, 2, first=2)
        await stage.clock.sleep(1)
        assert [close for close, _ in other.seen] == [START + 180_000, START + 240_000]
        assert len(slow.seen) == 2

    play(tmp_path, story, delay_s=0)
