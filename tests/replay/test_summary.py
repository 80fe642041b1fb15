"""A summary is read from a real ledger, and its tables and JSON stay what others rely on."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.errors import LedgerError
from signalbot.domain.executions import Decision, DecisionOutcome, Execution, ExecutionStatus
from signalbot.domain.positions import Position
from signalbot.domain.settings import Settings
from signalbot.domain.signals import Action, Signal, SignalId, SignalSource, Strength
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import (
    AccountSettings,
    Mode,
    Subscription,
    User,
    UserId,
    subscription_id_of,
)
from signalbot.ledger.accounts import Accounts, StrategyRecord
from signalbot.ledger.database import Database, open_replay_database
from signalbot.ledger.executions import Executions
from signalbot.ledger.history import StrategyRuns, read_ledger_history
from signalbot.ledger.signals import RunOutcome, Signals, StrategyRun
from signalbot.ledger.trades import Trades
from signalbot.replay.report.summary import summarize, tables, to_json
from tests.replay.report_fixtures import (
    ALICE,
    DAY,
    HOUR,
    START,
    SYMBOL,
    closed_position,
    coverage_of,
    curve_of,
    history_of,
    open_position,
    summary_of,
)

BOB = UserId("bob")
TOLD = UserId("told")
MINUTE = 60_000


def signal_at(minute: int) -> Signal:
    at_ms = Ms(START + minute * MINUTE)
    return Signal(
        signal_id=SignalId(f"sig_{minute:016}"),
        strategy="trend",
        source=SignalSource.STRATEGY,
        exchange="sim",
        symbol=SYMBOL,
        timeframe=Timeframe.M1,
        action=Action.LONG,
        strength=Strength.STRONG,
        confidence=0.9,
        price=Decimal(40_000),
        stop_loss=None,
        take_profits=(),
        reason=f"crossed at minute {minute}",
        candle_close_ms=at_ms,
        created_at_ms=at_ms,
        expires_at_ms=Ms(at_ms + 5 * MINUTE),
    )


def run_at(minute: int, outcome: RunOutcome) -> StrategyRun:
    return StrategyRun(
        strategy="trend",
        symbol=SYMBOL,
        timeframe=Timeframe.M1,
        candle_close_ms=Ms(START + minute * MINUTE),
        started_at_ms=Ms(START + minute * MINUTE),
        duration_ms=1,
        drift_ms=0,
        outcome=outcome,
        signal_id=signal_at(minute).signal_id if outcome is RunOutcome.SIGNAL else None,
        subscribers=2,
    )


async def sync_accounts(database: Database) -> None:
    modes = {ALICE: Mode.PAPER, BOB: Mode.PAPER, TOLD: Mode.SIGNALS}
    users = [
        User(user_id=name, mode=mode, account=AccountSettings(exchange="sim"))
        for name, mode in modes.items()
    ]
    strategies = [
        StrategyRecord(
            name=name, kind="ema_cross", exchange="sim", symbols=(SYMBOL,), timeframe="1m",
            signal_ttl_ms=300_000, params="{}",
        )
        for name in ("idle", "trend")
    ]  # fmt: skip
    subscriptions = [
        Subscription(
            subscription_id=subscription_id_of(user_id=name, strategy="trend"),
            user_id=name,
            strategy="trend",
            settings=Settings(),
        )
        for name in modes
    ]
    await Accounts(database).sync(
        users=users, strategies=strategies, subscriptions=subscriptions, now_ms=START
    )


async def write_ledger(path: Path, positions: list[Position]) -> None:
    """Three signals: alice acts on the first two and refuses the third, bob refuses all."""
    async with open_replay_database(path) as database:
        await sync_accounts(database)
        signals = Signals(database)
        for minute in range(3):
            await signals.store(signal_at(minute), run_at(minute, RunOutcome.SIGNAL))
        for minute, outcome in ((3, RunOutcome.NO_SIGNAL), (4, RunOutcome.FAILED)):
            signals.record_run(run_at(minute, outcome))
        signals.record_run(run_at(5, RunOutcome.SKIPPED))
        for name, minute, code in (
            (ALICE, 0, DecisionCode.APPROVED),
            (ALICE, 1, DecisionCode.APPROVED),
            (ALICE, 2, DecisionCode.COOLDOWN),
            (BOB, 0, DecisionCode.COOLDOWN),
            (BOB, 1, DecisionCode.BALANCE_TOO_LOW),
            (BOB, 2, DecisionCode.BALANCE_TOO_LOW),
        ):
            await decide(database, name, minute, code)
        for position in positions:
            await Trades(database).save_position(position)


async def decide(database: Database, user_id: UserId, minute: int, code: DecisionCode) -> None:
    decision = Decision(
        signal_id=signal_at(minute).signal_id,
        user_id=user_id,
        outcome=DecisionOutcome.EXECUTE if code is DecisionCode.APPROVED else DecisionOutcome.SKIP,
        code=code,
        detail={},
        decided_at_ms=START,
    )
    if code is not DecisionCode.APPROVED:
        await Signals(database).record_decision(decision)
        return
    execution = Execution(
        signal_id=decision.signal_id,
        user_id=user_id,
        subscription_id=subscription_id_of(user_id=user_id, strategy="trend"),
        mode=Mode.PAPER,
        status=ExecutionStatus.PENDING,
        claimed_at_ms=START,
    )
    await Executions(database).claim(execution, decision, ())


async def test_the_ledger_tells_the_whole_story(tmp_path: Path) -> None:
    """Positions, refusals, executions, runs and reasons come back as they were written."""
    positions = [
        closed_position("30", signal_id=signal_at(0).signal_id),
        open_position(signal_id=signal_at(1).signal_id, opened_at_ms=Ms(START + MINUTE)),
    ]
    await write_ledger(tmp_path / "replay.db", positions)
    history = read_ledger_history(tmp_path / "replay.db")
    assert [(user.user_id, user.mode) for user in history.users] == [
        (ALICE, Mode.PAPER), (BOB, Mode.PAPER), (TOLD, Mode.SIGNALS),
    ]  # fmt: skip
    assert history.positions == {ALICE: positions}
    assert history.refusals == {
        ALICE: {"COOLDOWN": 1},
        BOB: {"BALANCE_TOO_LOW": 2, "COOLDOWN": 1},
    }
    assert history.executions == {ALICE: {"pending": 2}}
    assert history.reasons == {
        signal_at(minute).signal_id: f"crossed at minute {minute}" for minute in (0, 1)
    }
    trend = {"name": "trend", "kind": "ema_cross", "timeframe": "1m"}
    idle = trend | {"name": "idle"}
    assert history.strategies == (
        StrategyRuns(**idle, runs=0, signals=0, failed_runs=0),
        StrategyRuns(**trend, runs=5, signals=3, failed_runs=1),
    )


def test_a_ledger_that_is_not_there_is_named(tmp_path: Path) -> None:
    """It is not created by looking at it."""
    with pytest.raises(LedgerError, match=r"none\.db: cannot read"):
        read_ledger_history(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()


def test_results_and_equity_agree() -> None:
    """What the closed trades did not earn is what the open ones have brought so far."""
    history = history_of([closed_position("30"), open_position()])
    (alice,) = summary_of(history, {ALICE: curve_of([10_010, 10_045])}).users
    assert (alice.start_equity, alice.end_equity) == (Decimal(10_000), Decimal(10_045))
    assert alice.metrics.net_pnl == 30
    assert (alice.open_positions, alice.open_pnl) == (1, Decimal(15))


def test_a_user_who_is_only_told_keeps_the_balance() -> None:
    """No samples, no trades, but refusals."""
    history = history_of(refusals={ALICE: {"SIGNALS_ONLY": 4, "NO_POSITION": 1}})
    (alice,) = summary_of(history).users
    assert (alice.start_equity, alice.end_equity) == (Decimal(10_000), Decimal(10_000))
    assert (alice.refused, alice.metrics.trades, alice.metrics.max_drawdown) == (5, 0, None)


def test_speed_is_candles_by_time() -> None:
    """No time, no speed."""
    history, coverage = history_of(), coverage_of()
    summary = summarize(history, coverage=coverage, equity={}, elapsed_s=0.5)
    assert summary.candles_per_s == 480
    assert summarize(history, coverage=coverage, equity={}, elapsed_s=0).candles_per_s is None


def test_the_results_have_one_row_per_user() -> None:
    """Header and cells as the command line shows them."""
    positions = [
        closed_position("300"),
        closed_position("-100", opened_at_ms=Ms(START + DAY)),
    ]
    history = history_of(positions, refusals={ALICE: {"COOLDOWN": 2}}, users=["alice", "told"])
    equity = {ALICE: curve_of([10_000, 10_300, 10_300, 10_094, 10_200])}
    results = tables(summary_of(history, equity))[0]
    assert results.title == "Results"
    assert results.header == [
        "User", "Mode", "Trades", "Open", "Win %", "Net PnL", "Unrealized", "Equity", "Net %",
        "Fees", "Max DD %", "Sharpe", "Profit factor", "Avg hold", "Exposure %", "Skipped",
    ]  # fmt: skip
    assert results.rows == [
        [
            "alice", "paper", "2", "0", "50.0", "+200.00", "-", "10,200.00", "+2.00", "2.00",
            "2.00", "4.69", "3.00", "1h 00m", "0.8", "2",
        ],
        [
            "told", "paper", "0", "0", "-", "0.00", "-", "10,000.00", "0.00", "0.00",
            "-", "-", "-", "-", "0.0", "0",
        ],
    ]  # fmt: skip


def test_what_is_open_counts_in_the_results() -> None:
    """Net PnL and fees are of all positions; what is not realized yet is told beside."""
    history = history_of([closed_position("300"), open_position(opened_at_ms=Ms(START + DAY))])
    equity = {ALICE: curve_of([10_000, 10_300, 10_500])}
    results = tables(summary_of(history, equity))[0]
    told = dict(zip(results.header, results.rows[0], strict=True))
    assert (told["Trades"], told["Open"]) == ("1", "1")
    assert (told["Net PnL"], told["Unrealized"]) == ("+500.00", "+200.00")
    assert (told["Equity"], told["Net %"], told["Fees"]) == ("10,500.00", "+5.00", "2.00")


def test_refusals_and_exits_have_tables_of_their_own() -> None:
    """By user, the commonest first, with what the code means."""
    history = history_of([closed_position("30")], refusals={ALICE: {"COOLDOWN": 2, "AI_DENIED": 1}})
    _, refused, exits = tables(summary_of(history))
    assert refused.header == ["User", "Code", "Signals", "Reason"]
    assert refused.rows == [
        ["alice", "COOLDOWN", "2", DecisionCode.COOLDOWN.cause],
        ["alice", "AI_DENIED", "1", DecisionCode.AI_DENIED.cause],
    ]
    assert exits.header == ["User", "Closed by", "Trades", "Win %", "Net PnL"]
    assert exits.rows == [["alice", "TAKE_PROFIT", "1", "100.0", "+30.00"]]


def test_empty_tables_are_left_out() -> None:
    """Nothing was refused, nothing was closed."""
    assert [table.title for table in tables(summary_of(history_of()))] == ["Results"]


def test_cells_are_plain_text() -> None:
    """A renderer need not know our enums."""
    history = history_of([closed_position()], refusals={ALICE: {"COOLDOWN": 1}})
    for table in tables(summary_of(history)):
        assert {type(cell) for row in table.rows for cell in row} == {str}
        assert {len(row) for row in table.rows} == {len(table.header)}


def test_the_keys_of_the_json_stay() -> None:
    """Scripts rely on them; they may be added to, never renamed."""
    history = history_of([closed_position("30")], refusals={ALICE: {"COOLDOWN": 2}})
    told = to_json(summary_of(history, {ALICE: curve_of([10_000, 10_030])}))
    (alice,) = told["users"]
    assert set(told) == {
        "coverage", "elapsed_s", "candles_per_s", "strategies", "users", "versions", "assumptions",
    }  # fmt: skip
    assert set(told["versions"]) == {"signalbot", "ccxt", "TA-Lib", "numpy"}
    assert set(told["coverage"]) == {
        "symbol", "timeframe", "start_ms", "end_ms", "candles", "dropped", "gaps", "missing",
        "notes",
    }  # fmt: skip
    assert set(told["strategies"][0]) == {
        "name", "kind", "timeframe", "runs", "signals", "failed_runs",
    }  # fmt: skip
    assert set(alice) == {
        "user_id", "mode", "start_equity", "end_equity", "open_positions", "open_pnl", "total_pnl",
        "total_percent", "total_fees", "refused", "refusals", "executions", "metrics",
    }  # fmt: skip
    assert set(alice["metrics"]) == {
        "trades", "wins", "losses", "win_rate", "gross_pnl", "fees", "funding", "net_pnl",
        "net_percent", "max_drawdown", "sharpe", "sortino", "profit_factor", "expectancy",
        "average_hold_ms", "exposure", "best", "worst", "max_consecutive_losses", "exits",
    }  # fmt: skip
    assert set(alice["metrics"]["max_drawdown"]) == {
        "quote", "percent", "peak_ms", "trough_ms", "recovered_ms",
    }  # fmt: skip
    assert set(alice["metrics"]["exits"][0]) == {"reason", "trades", "wins", "net_pnl"}


def test_money_is_text_and_times_are_numbers_in_json() -> None:
    """Decimals survive exactly; what is undefined is null."""
    history = history_of([closed_position("0.00000001")], refusals={ALICE: {"COOLDOWN": 2}})
    told = json.loads(json.dumps(to_json(summary_of(history))))
    (alice,) = told["users"]
    assert alice["metrics"]["net_pnl"] == "0.00000001"
    assert alice["metrics"]["average_hold_ms"] == HOUR
    assert alice["metrics"]["profit_factor"] is None
    assert alice["refusals"] == {"COOLDOWN": 2}
    assert (alice["mode"], told["coverage"]["timeframe"]) == ("paper", "1h")
    assert alice["metrics"]["exits"][0]["reason"] == "TAKE_PROFIT"
