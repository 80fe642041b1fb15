"""The journal has every change of the ledger once, in the order of the commits."""

import asyncio
import sqlite3
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.executions import ExecutionStatus
from signalbot.domain.orders import Fill, Leg, Order, OrderReport, OrderSide, OrderStatus
from signalbot.domain.positions import CloseReason
from signalbot.domain.users import SubscriptionStatus, UserStatus
from signalbot.ledger.booking import Booking
from signalbot.ledger.journal import Journal, JournalEvent
from tests.domain.samples import ANNA, NOW, POSITION, fill, report
from tests.ledger.ledger_fixtures import (
    BEN,
    Ledger,
    approved,
    intent,
    ledger,
    pending,
    signal,
    skipped,
)

ENTRY, STOP = Order(request=intent(signal())), Order(request=intent(signal(), leg=Leg.STOP_LOSS))
BOUGHT = fill(OrderSide.BUY, 10, 100, fee="0.5", trade_id="1")
SOLD = fill(OrderSide.SELL, 10, 95, fee="0.5", trade_id="2")


async def test_the_journal_has_a_trade_from_signal_to_close(tmp_path: Path) -> None:
    """Each state once, with the numbers as they were then."""
    async with ledger(tmp_path) as books:
        journal = Journal(books.database)
        await books.signals.store(signal())
        await _trade(books)
        events = await journal.after(0)
        assert [event.kind for event in events] == [
            "signal.created",
            "execution.claimed",
            "decision.accepted",
            "position.opened",
            "order.filled",
            "execution.executed",
            "position.protected",
            "position.closed",
            "order.filled",
        ]
        opened, closed = _only(events, "position.opened"), _only(events, "position.closed")
        assert opened.user_id == ANNA
        assert opened.strategy == signal().strategy
        assert opened.detail["quantity"] == "10"
        assert closed.detail["close_reason"] == "STOP_LOSS"
        assert closed.detail["exit_price"] == "95"


async def test_a_repeated_report_is_one_event(tmp_path: Path) -> None:
    """A report without a change makes no event."""
    async with ledger(tmp_path) as books:
        journal = Journal(books.database)
        await books.signals.store(signal())
        await _trade(books)
        before = await journal.last()
        await books.trades.save_order(ENTRY.apply(_filled(BOUGHT)))
        await books.signals.store(signal())
        await books.signals.record_decision(skipped(signal(), BEN, DecisionCode.INBOX_FULL))
        await books.signals.record_decision(skipped(signal(), BEN, DecisionCode.INBOX_FULL))
        assert [event.kind for event in await journal.after(before)] == ["decision.skipped"]


async def test_a_rolled_back_change_makes_no_event(tmp_path: Path) -> None:
    """The event is part of the transaction that makes the change."""
    async with ledger(tmp_path) as books:
        journal = Journal(books.database)
        await books.signals.store(signal())
        before = await journal.last()
        with pytest.raises(ZeroDivisionError):
            await books.database.write(lambda c: _expire_and_fail(c, signal().signal_id))
        assert await journal.after(before) == []


async def test_statuses_of_users_and_trading_make_events(tmp_path: Path) -> None:
    """Pauses, halts and cancelled signals, each with its own time."""
    async with ledger(tmp_path) as books:
        journal = Journal(books.database)
        await books.signals.store(signal())
        before = await journal.last()
        status = UserStatus.PAUSED
        await books.accounts.set_user_status(ANNA, status, reason="holiday", now_ms=NOW)
        await books.accounts.set_subscription_status(
            ANNA, signal().strategy, SubscriptionStatus.PAUSED, now_ms=NOW
        )
        await books.accounts.set_halted("maintenance", now_ms=NOW)
        await books.accounts.set_halted("maintenance", now_ms=NOW)
        await books.accounts.set_halted(None, now_ms=NOW)
        await books.signals.cancel(signal().signal_id, now_ms=NOW)
        events = await journal.after(before)
        assert [event.kind for event in events] == [
            "user.paused",
            "subscription.paused",
            "trading.halted",
            "trading.resumed",
            "signal.cancelled",
        ]
        assert {event.at_ms for event in events} == {NOW}
        assert events[0].detail == {"reason": "holiday", "by": "operator"}


async def test_a_reader_that_waits_is_woken_by_the_commit(tmp_path: Path) -> None:
    """And one that has nothing new goes on waiting."""
    async with ledger(tmp_path) as books, asyncio.TaskGroup() as group:
        journal = Journal(books.database)
        seen = await journal.last()
        waiter = group.create_task(journal.wait(seen))
        await books.database.flush()
        await asyncio.sleep(0)
        assert not waiter.done()
        await books.signals.store(signal())
        async with asyncio.timeout(5):
            await waiter
        assert [event.kind for event in await journal.after(seen)] == ["signal.created"]


async def _trade(books: Ledger) -> None:
    """Anna enters, is protected, and is stopped out."""
    await books.executions.claim(
        pending(signal()), approved(signal()), [ENTRY.request, STOP.request]
    )
    bought = ENTRY.apply(_filled(BOUGHT))
    execution = replace(
        pending(signal()), status=ExecutionStatus.EXECUTED, executed_at_ms=NOW, quantity=Decimal(10)
    )
    booked = await books.trades.book(
        Booking(order=bought, fills=(BOUGHT,), position=POSITION, execution=execution)
    )
    assert booked.position is not None
    protected = replace(booked.position, protected_at_ms=NOW)
    await books.trades.save_position(protected)
    await books.trades.book(
        Booking(
            order=STOP.apply(_filled(SOLD)),
            fills=(SOLD,),
            position=protected,
            reason=CloseReason.STOP_LOSS,
        )
    )


def _filled(trade: Fill) -> OrderReport:
    return replace(report(OrderStatus.FILLED, 10), fills=(trade,))


def _only(events: list[JournalEvent], kind: str) -> JournalEvent:
    [found] = [event for event in events if event.kind == kind]
    return found


def _expire_and_fail(connection: sqlite3.Connection, signal_id: str) -> None:
    connection.execute("UPDATE signals SET status = 'EXPIRED' WHERE signal_id = ?", (signal_id,))
    raise ZeroDivisionError
