"""A small history, written through the ledger's own classes: one signal that ended differently for
each of seven users, and closed positions whose profit is known to the last digit."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Final

from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.executions import (
    Decision,
    DecisionFacts,
    DecisionOutcome,
    Execution,
    ExecutionStatus,
)
from signalbot.domain.failure_codes import FailureCode
from signalbot.domain.orders import (
    Fill,
    Leg,
    Order,
    OrderReport,
    OrderRequest,
    OrderSide,
    OrderStatus,
    OrderType,
    client_order_id_of,
)
from signalbot.domain.positions import CloseReason, Position, PositionStatus, TakeProfit
from signalbot.domain.settings import Settings
from signalbot.domain.signals import (
    Action,
    PositionId,
    Side,
    Signal,
    SignalId,
    SignalSource,
    Strength,
    position_id_of,
)
from signalbot.domain.timeframe import DAY_MS, Ms, Timeframe
from signalbot.domain.users import (
    AccountSettings,
    Mode,
    Subscription,
    User,
    UserId,
    UserStatus,
    subscription_id_of,
)
from signalbot.ledger.accounts import Accounts, StrategyRecord
from signalbot.ledger.booking import Booking
from signalbot.ledger.database import Database, open_database
from signalbot.ledger.executions import Executions
from signalbot.ledger.signals import RunOutcome, Signals, StrategyRun
from signalbot.ledger.trades import Trades

BTC, ETH = "BTC/USDT:USDT", "ETH/USDT:USDT"
NOW: Final = Ms(1_641_393_300_000)
"""2022-01-05 14:35:00 UTC: when the signal came."""

SIGNAL_ID: Final = SignalId("sig_5f0c9a1d2e4b7a63")
OLDER_ID: Final = SignalId("sig_5fb0000000000000")
POSITION_ID: Final = position_id_of(signal_id=SIGNAL_ID, user_id=UserId("alice"))
EVIL_REASON: Final = "crossed\x1b[2J\n[bold]above[/bold]"

FATES: Final = {
    "alice": ("EXECUTE", "APPROVED", "executed"),
    "bob": ("SKIP", "MAX_OPEN_POSITIONS", None),
    "carol": ("EXECUTE", "APPROVED", "failed"),
    "dave": ("EXECUTE", "APPROVED", "unknown"),
    "erin": (None, None, None),
    "frank": ("SKIP", "TRADING_HALTED", None),
    "grace": ("SKIP", "SIGNALS_ONLY", None),
}
"""What became of ``SIGNAL_ID`` for everybody who is subscribed: outcome, code, execution."""

CLOSED: Final = {
    # user: (strategy, days before NOW, gross, fees, funding) of each closed position
    "alice": (
        ("trend", 0, "12.5", "0.30", "0"),
        ("trend", 1, "0.1", "0.00000001", "0"),
        ("trend", 1, "0.2", "0.00000002", "0.00000001"),
        ("dips", 2, "-5.00", "0.10", "0"),
    ),
    "bob": (("trend", 1, "123456789012345678.12345678", "0.1", "-0.02"),),
}


async def write_history(path: Path) -> None:
    """Write the whole history into a new ledger at ``path``."""
    async with open_database(path) as database:
        await _write_accounts(Accounts(database))
        await _write_signals(Signals(database))
        await _write_turns(database)
        await _write_closed(Trades(database))


async def _write_accounts(accounts: Accounts) -> None:
    users = [
        User(
            user_id=UserId(name),
            mode=Mode.SIGNALS if name == "grace" else Mode.PAPER,
            account=AccountSettings(exchange="sim", leverage=5, paper_balance=Decimal("10000.50")),
        )
        for name in (*FATES, "zoe")
    ]
    followed = [(UserId(name), "trend") for name in FATES]
    await accounts.sync(
        users=users,
        strategies=[_strategy("trend", (BTC, ETH)), _strategy("dips", (BTC,))],
        subscriptions=[_subscription(*each) for each in (*followed, (UserId("alice"), "dips"))],
        now_ms=Ms(NOW - DAY_MS),
    )
    await accounts.set_user_status(
        UserId("frank"), UserStatus.HALTED, reason="listener failed: KeyError", now_ms=NOW
    )


def _strategy(name: str, symbols: tuple[str, ...]) -> StrategyRecord:
    return StrategyRecord(
        name=name,
        kind="ema_cross",
        exchange="sim",
        symbols=symbols,
        timeframe="5m",
        signal_ttl_ms=300_000,
        params='{"fast": 9}',
    )


def _subscription(user_id: UserId, strategy: str) -> Subscription:
    return Subscription(
        subscription_id=subscription_id_of(user_id=user_id, strategy=strategy),
        user_id=user_id,
        strategy=strategy,
        settings=Settings(),
    )


def signal(signal_id: SignalId, *, at_ms: Ms = NOW, symbol: str = BTC) -> Signal:
    """A LONG of ``trend`` at 43210.5, open for five minutes from ``at_ms``."""
    return Signal(
        signal_id=signal_id,
        strategy="trend",
        source=SignalSource.STRATEGY,
        exchange="sim",
        symbol=symbol,
        timeframe=Timeframe.M5,
        action=Action.LONG,
        strength=Strength.STRONG,
        confidence=0.8,
        price=Decimal("43210.50"),
        stop_loss=Decimal(42900),
        take_profits=(Decimal(43800), Decimal(44400)),
        reason=EVIL_REASON,
        candle_close_ms=at_ms,
        created_at_ms=at_ms,
        expires_at_ms=Ms(at_ms + 300_000),
    )


async def _write_signals(signals: Signals) -> None:
    run = StrategyRun(
        strategy="trend",
        symbol=BTC,
        timeframe=Timeframe.M5,
        candle_close_ms=NOW,
        started_at_ms=Ms(NOW + 12),
        duration_ms=3,
        drift_ms=12,
        outcome=RunOutcome.SIGNAL,
        signal_id=SIGNAL_ID,
        subscribers=len(FATES),
    )
    assert await signals.store(signal(SIGNAL_ID), run)
    older = signal(OLDER_ID, at_ms=Ms(NOW - 2 * DAY_MS), symbol=ETH)
    assert await signals.store(older)
    assert await signals.cancel(OLDER_ID, now_ms=Ms(NOW - 2 * DAY_MS + 1))


async def _write_turns(database: Database) -> None:
    signals, executions, trades = Signals(database), Executions(database), Trades(database)
    skips: tuple[tuple[str, DecisionCode, DecisionFacts], ...] = (
        ("bob", DecisionCode.MAX_OPEN_POSITIONS, {"open": 3, "limit": 3}),
        (
            "frank",
            DecisionCode.TRADING_HALTED,
            {"scope": "frank", "why": "listener failed: KeyError"},
        ),
        ("grace", DecisionCode.SIGNALS_ONLY, {"quantity": Decimal("0.05"), "rank": 5}),
    )
    for user, code, detail in skips:
        await signals.record_decision(_decision(user, DecisionOutcome.SKIP, code, detail))
    for rank, user in enumerate(("alice", "carol", "dave")):
        numbers = {"quantity": Decimal("0.030"), "price": Decimal("43210.5"), "rank": rank}
        await executions.claim(
            _execution(user),
            _decision(user, DecisionOutcome.EXECUTE, DecisionCode.APPROVED, numbers),
            [_entry(user), _stop(user)],
        )
    await _fill(trades, UserId("alice"))
    await executions.mark_failed(
        SIGNAL_ID,
        UserId("carol"),
        reason=FailureCode.REJECTED,
        details="margin is short",
        now_ms=NOW,
    )
    await executions.mark_unknown(SIGNAL_ID, UserId("dave"), details="no answer in 10 s")


def _decision(
    user: str, outcome: DecisionOutcome, code: DecisionCode, detail: DecisionFacts
) -> Decision:
    return Decision(
        signal_id=SIGNAL_ID,
        user_id=UserId(user),
        outcome=outcome,
        code=code,
        detail=detail,
        decided_at_ms=Ms(NOW + 20),
    )


def _execution(user: str) -> Execution:
    return Execution(
        signal_id=SIGNAL_ID,
        user_id=UserId(user),
        subscription_id=f"{user}/trend",
        mode=Mode.PAPER,
        status=ExecutionStatus.PENDING,
        claimed_at_ms=Ms(NOW + 21),
        quantity=Decimal("0.030"),
        leverage=5,
        client_order_id=_entry(user).client_order_id,
        position_id=position_id_of(signal_id=SIGNAL_ID, user_id=UserId(user)),
    )


def _entry(user: str) -> OrderRequest:
    return _request(user, Leg.ENTRY, OrderSide.BUY, OrderType.MARKET)


def _stop(user: str) -> OrderRequest:
    return _request(user, Leg.STOP_LOSS, OrderSide.SELL, OrderType.STOP, Decimal(42900))


def _request(
    user: str, leg: Leg, side: OrderSide, type_: OrderType, trigger: Decimal | None = None
) -> OrderRequest:
    user_id = UserId(user)
    return OrderRequest(
        client_order_id=client_order_id_of(signal_id=SIGNAL_ID, user_id=user_id, leg=leg),
        user_id=user_id,
        exchange="sim",
        symbol=BTC,
        leg=leg,
        side=side,
        type=type_,
        quantity=Decimal("0.030"),
        trigger_price=trigger,
        reduce_only=trigger is not None,
        leverage=5,
        signal_id=SIGNAL_ID,
        position_id=position_id_of(signal_id=SIGNAL_ID, user_id=user_id),
        intended_at_ms=Ms(NOW + 21),
    )


async def _fill(trades: Trades, user_id: UserId) -> None:
    """The entry is filled at 43214.8; the stop rests."""
    request = _entry(user_id)
    fill = Fill(
        trade_id="t1",
        client_order_id=request.client_order_id,
        symbol=BTC,
        side=OrderSide.BUY,
        quantity=Decimal("0.030"),
        price=Decimal("43214.8"),
        fee=Decimal("0.6482"),
        fee_currency="USDT",
        filled_at_ms=Ms(NOW + 60),
    )
    report = OrderReport(
        client_order_id=request.client_order_id,
        exchange_order_id="77",
        symbol=BTC,
        status=OrderStatus.FILLED,
        filled=fill.quantity,
        average_price=fill.price,
        fills=(fill,),
        updated_at_ms=Ms(NOW + 60),
    )
    outcome = _execution(user_id)
    await trades.book(
        Booking(
            order=Order(request=request).apply(report),
            fills=report.fills,
            position=_position(POSITION_ID, user_id, "trend", opened_at_ms=NOW),
            execution=_executed(outcome),
        )
    )
    resting = Order(
        request=_stop(user_id),
        status=OrderStatus.OPEN,
        exchange_order_id="78",
        updated_at_ms=Ms(NOW + 70),
    )
    await trades.save_order(resting)


def _executed(execution: Execution) -> Execution:
    return replace(
        execution,
        status=ExecutionStatus.EXECUTED,
        executed_at_ms=Ms(NOW + 62),
        actual_entry_price=Decimal("43214.8"),
        order_id="77",
        slippage_bps=Decimal("1.00"),
        latency_ms=62,
    )


def _position(
    position_id: PositionId, user_id: UserId, strategy: str, *, opened_at_ms: Ms
) -> Position:
    return Position(
        position_id=position_id,
        user_id=user_id,
        signal_id=SIGNAL_ID,
        strategy=strategy,
        exchange="sim",
        symbol=BTC,
        side=Side.LONG,
        mode=Mode.PAPER,
        stop_loss=Decimal(42900),
        take_profits=(TakeProfit(Decimal(43800), Decimal("0.015")),),
        opened_at_ms=opened_at_ms,
    )


async def _write_closed(trades: Trades) -> None:
    for user, positions in CLOSED.items():
        for index, (strategy, days, gross, fees, funding) in enumerate(positions):
            closed_ms = Ms(NOW - days * DAY_MS)
            base = _position(
                PositionId(f"pos_{user}_{index}"),
                UserId(user),
                strategy,
                opened_at_ms=Ms(closed_ms - 60_000),
            )
            await trades.save_position(_closed(base, closed_ms, gross, fees, funding))


def _closed(base: Position, closed_ms: Ms, gross: str, fees: str, funding: str) -> Position:
    return replace(
        base,
        status=PositionStatus.CLOSED,
        entry_quantity=Decimal(1),
        entry_price=Decimal(43000),
        closed_at_ms=closed_ms,
        exit_quantity=Decimal(1),
        exit_price=Decimal(43001),
        close_reason=CloseReason.TAKE_PROFIT,
        realized_pnl=Decimal(gross),
        fees=Decimal(fees),
        funding=Decimal(funding),
    )
