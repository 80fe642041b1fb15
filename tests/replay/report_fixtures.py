"""Positions, histories and curves made by hand, with everything that does not matter filled in."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from signalbot.domain.market import Candle
from signalbot.domain.positions import CloseReason, Position, PositionStatus
from signalbot.domain.signals import PositionId, Side, SignalId
from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.domain.users import Mode, UserId
from signalbot.ledger.history import LedgerHistory, ReportedUser, StrategyRuns
from signalbot.replay.candle_files.candle_series import Coverage
from signalbot.replay.report.equity import Curve
from signalbot.replay.report.summary import Summary, summarize

START = Ms(1_640_995_200_000)  # 2022-01-01 00:00 UTC
HOUR = 3_600_000
DAY = 24 * HOUR
SYMBOL = "BTC/USDT:USDT"
ALICE = UserId("alice")


def decimals(*values: int | str) -> tuple[Decimal, ...]:
    """Several amounts to compare with at once."""
    return tuple(map(Decimal, values))


def closed_position(net: str = "10", **changes: Any) -> Position:
    """A position closed one hour after it was opened, that earned ``net`` after a fee of 1."""
    values: dict[str, Any] = {
        "user_id": ALICE,
        "status": PositionStatus.CLOSED,
        "opened_at_ms": START,
        "entry_price": Decimal(40_000),
        "entry_quantity": Decimal("0.1"),
        "exit_price": Decimal(40_000) + Decimal(net) * 10,
        "exit_quantity": Decimal("0.1"),
        "close_reason": CloseReason.TAKE_PROFIT,
        "realized_pnl": Decimal(net) + 1,
        "fees": Decimal(1),
        "side": Side.LONG,
        "signal_id": SignalId("sig_0000000000000001"),
    } | changes
    opened_ms = values["opened_at_ms"]
    values.setdefault("closed_at_ms", Ms(opened_ms + HOUR))
    values.setdefault("position_id", PositionId(f"pos_{values['user_id']}_{opened_ms}_{net}"))
    return Position(strategy="trend", exchange="sim", symbol=SYMBOL, mode=Mode.PAPER, **values)


def open_position(**changes: Any) -> Position:
    """A position that was opened and is still held."""
    unset: dict[str, Any] = {
        "status": PositionStatus.OPEN,
        "quantity": Decimal("0.1"),
        "exit_quantity": Decimal(0),
        "exit_price": None,
        "close_reason": None,
        "closed_at_ms": None,
        "realized_pnl": Decimal(0),
    }
    return closed_position(**(unset | changes))


def curve_of(equities: Sequence[str | int], *, every_ms: int = DAY, start_ms: Ms = START) -> Curve:
    """Samples of these equities, ``every_ms`` apart."""
    return [
        (Ms(start_ms + index * every_ms), Decimal(equity)) for index, equity in enumerate(equities)
    ]


def coverage_of(*, days: int = 10, **changes: Any) -> Coverage:
    values: dict[str, Any] = {
        "symbol": SYMBOL,
        "timeframe": Timeframe.H1,
        "start_ms": START,
        "end_ms": Ms(START + days * DAY),
        "candles": 24 * days,
        "dropped": {},
        "gaps": 0,
        "missing": 0,
    }
    return Coverage(**(values | changes))


def history_of(
    positions: Sequence[Position] = (),
    *,
    refusals: Mapping[UserId, Mapping[str, int]] | None = None,
    reasons: Mapping[SignalId, str] | None = None,
    users: Sequence[str] = (ALICE,),
) -> LedgerHistory:
    by_user: dict[UserId, list[Position]] = {}
    for position in positions:
        by_user.setdefault(position.user_id, []).append(position)
    return LedgerHistory(
        users=[
            ReportedUser(user_id=UserId(name), mode=Mode.PAPER, paper_balance=Decimal(10_000))
            for name in users
        ],
        strategies=[
            StrategyRuns(
                name="trend", kind="ema_cross", timeframe="5m", runs=240, signals=9, failed_runs=1
            )
        ],
        positions=by_user,
        refusals=refusals or {},
        executions={user_id: {"executed": len(each)} for user_id, each in by_user.items()},
        reasons=reasons or {},
    )


def summary_of(
    history: LedgerHistory, equity: Mapping[UserId, Curve] | None = None, **coverage: Any
) -> Summary:
    return summarize(history, coverage=coverage_of(**coverage), equity=equity or {}, elapsed_s=0.5)


def flat_candles(
    count: int, timeframe: Timeframe = Timeframe.H1, *, first: int = 0, price: str = "40000"
) -> list[Candle]:
    """``count`` candles in a row that never move, beginning with the ``first`` after the start."""
    return [
        Candle(
            symbol=SYMBOL,
            timeframe=timeframe,
            open_ms=Ms(START + index * timeframe.ms),
            open=Decimal(price),
            high=Decimal(price),
            low=Decimal(price),
            close=Decimal(price),
            volume=Decimal(1),
        )
        for index in range(first, first + count)
    ]
