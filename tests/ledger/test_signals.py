"""Signals and runs: stored once, ended once, and no decision is overwritten."""

from dataclasses import replace
from pathlib import Path

from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.executions import Decision, DecisionOutcome
from signalbot.domain.signals import SignalStatus
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import SubscriptionStatus
from signalbot.ledger.signals import RunOutcome, StrategyRun
from tests.domain.samples import ANNA, BTC, NOW
from tests.ledger.ledger_fixtures import BEN, Ledger, approved, count, ledger, signal

RUN = StrategyRun(
    strategy="trend",
    symbol=BTC,
    timeframe=Timeframe.M5,
    candle_close_ms=NOW,
    started_at_ms=Ms(NOW + 3),
    duration_ms=4,
    drift_ms=3,
    outcome=RunOutcome.SIGNAL,
    signal_id=signal().signal_id,
    subscribers=2,
)


def _skip(code: DecisionCode) -> Decision:
    return replace(approved(signal()), outcome=DecisionOutcome.SKIP, code=code)


async def _status(books: Ledger, key: str) -> SignalStatus:
    found = await books.signals.signal(signal(key).signal_id)
    assert found is not None
    return found.status


async def test_a_signal_is_stored_once(tmp_path: Path) -> None:
    """The same event again is a duplicate; the run is stored with it."""
    async with ledger(tmp_path) as books:
        assert await books.signals.store(signal(), RUN)
        assert not await books.signals.store(replace(signal(), reason="again"), RUN)
        assert await books.signals.signal(signal().signal_id) == signal()
        assert await count(books.database, "strategy_runs") == 1


async def test_an_unknown_signal_is_not_found(tmp_path: Path) -> None:
    """None, not an error."""
    async with ledger(tmp_path) as books:
        assert await books.signals.signal(signal("unheard of").signal_id) is None


async def test_the_newest_run_of_a_strategy_is_returned(tmp_path: Path) -> None:
    """Per symbol and timeframe; a run that made no signal counts too."""
    async with ledger(tmp_path) as books:
        assert await books.signals.last_run("trend", BTC, Timeframe.M5) is None
        await books.signals.store(signal(), RUN)
        quiet = replace(
            RUN,
            candle_close_ms=Ms(NOW + 300_000),
            outcome=RunOutcome.NO_SIGNAL,
            signal_id=None,
        )
        books.signals.record_run(quiet)
        books.signals.record_run(replace(quiet, outcome=RunOutcome.FAILED))
        await books.database.flush()
        assert await books.signals.last_run("trend", BTC, Timeframe.M5) == NOW + 300_000
        assert await books.signals.last_run("trend", BTC, Timeframe.M1) is None
        rows = await books.database.query("SELECT outcome FROM strategy_runs ORDER BY outcome")
        assert [row["outcome"] for row in rows] == ["no_signal", "signal"]


async def test_a_signal_expires_at_its_time_and_only_once(tmp_path: Path) -> None:
    """At that instant, not a millisecond before; a withdrawn one does not expire."""
    async with ledger(tmp_path) as books:
        for key, ttl_ms in (("a", 1_000), ("b", 2_000), ("c", 1_000)):
            await books.signals.store(signal(key, ttl_ms=ttl_ms))
        assert await books.signals.cancel(signal("c").signal_id, now_ms=NOW)
        assert await books.signals.expire(Ms(NOW + 999)) == []
        assert await books.signals.expire(Ms(NOW + 1_000)) == [signal("a").signal_id]
        assert await books.signals.expire(Ms(NOW + 1_000)) == []
        assert [await _status(books, key) for key in "abc"] == [
            SignalStatus.EXPIRED,
            SignalStatus.ACTIVE,
            SignalStatus.CANCELLED,
        ]


async def test_only_an_active_signal_can_be_withdrawn(tmp_path: Path) -> None:
    """Once; neither an expired nor an unknown one."""
    async with ledger(tmp_path) as books:
        await books.signals.store(signal())
        assert await books.signals.cancel(signal().signal_id, now_ms=NOW)
        assert not await books.signals.cancel(signal().signal_id, now_ms=NOW)
        await books.signals.store(signal("late", ttl_ms=1))
        await books.signals.expire(Ms(NOW + 1))
        assert not await books.signals.cancel(signal("late").signal_id, now_ms=NOW)
        assert not await books.signals.cancel(signal("unheard of").signal_id, now_ms=NOW)


async def test_active_signals_are_those_that_can_still_be_executed_oldest_first(
    tmp_path: Path,
) -> None:
    """Not an expired one, marked or not."""
    async with ledger(tmp_path) as books:
        young, old = signal("young", created_at_ms=NOW + 5), signal("old")
        for each in (young, old, signal("over", ttl_ms=10), signal("withdrawn")):
            await books.signals.store(each)
        await books.signals.cancel(signal("withdrawn").signal_id, now_ms=NOW)
        assert await books.signals.active(Ms(NOW + 10)) == [old, young]
        assert len(await books.signals.active(Ms(NOW + 9))) == 3


async def test_the_first_decision_of_a_user_is_final(tmp_path: Path) -> None:
    """Written at once or a moment later; another user's is another."""
    async with ledger(tmp_path) as books:
        await books.signals.store(signal())
        await books.signals.record_decision(_skip(DecisionCode.COOLDOWN))
        await books.signals.record_decision(_skip(DecisionCode.MAX_EXPOSURE))
        books.signals.record_decision_later(_skip(DecisionCode.INBOX_FULL))
        books.signals.record_decision_later(replace(_skip(DecisionCode.INBOX_FULL), user_id=BEN))
        await books.database.flush()
        rows = await books.database.query("SELECT user_id, code FROM decisions ORDER BY user_id")
        assert [tuple(row) for row in rows] == [(ANNA, "COOLDOWN"), (BEN, "INBOX_FULL")]


async def test_undecided_users_are_returned(tmp_path: Path) -> None:
    """Subscribers of the strategy without a cancelled subscription."""
    async with ledger(tmp_path) as books:
        await books.signals.store(signal())
        key = signal().signal_id
        assert await books.signals.undecided_users(key) == [ANNA, BEN]
        await books.signals.record_decision(_skip(DecisionCode.COOLDOWN))
        assert await books.signals.undecided_users(key) == [BEN]
        for status, left in (
            (SubscriptionStatus.PAUSED, [BEN]),
            (SubscriptionStatus.CANCELLED, []),
        ):
            await books.accounts.set_subscription_status(BEN, "trend", status, now_ms=NOW)
            assert await books.signals.undecided_users(key) == left
