"""An entry that ended without a report of its exchange is looked up while it may appear."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.domain.executions import ExecutionStatus
from signalbot.domain.orders import Fill, Leg, Order, OrderReport
from signalbot.domain.signals import Signal
from signalbot.domain.timeframe import EPOCH, Ms
from signalbot.domain.users import UserId
from signalbot.pipeline.account import Account
from signalbot.pipeline.late_entries import APPEARS_WITHIN_MS
from signalbot.pipeline.reconciliation.account_sync import RecentComparisons
from signalbot.pipeline.reconciliation.restore import AccountRestorer
from signalbot.ports import Holding
from tests.fakes.broker import FaultyBroker, of_leg
from tests.simulation import FaultyExchange, Simulation, run_in_virtual_time, user

ANNA = UserId("anna")


class Late(FaultyBroker):
    """An exchange that lists nothing while ``hides`` is set, whatever it holds."""

    visibility_lag_ms = 60_000
    hides = False

    async def lookup(self, order: Order) -> OrderReport | None:
        return None if self.hides else await super().lookup(order)

    async def open_orders(
        self, symbols: Collection[str] | None = None, *, is_urgent: bool = False
    ) -> Sequence[OrderReport]:
        return [] if self.hides else await super().open_orders(symbols, is_urgent=is_urgent)

    async def holdings(
        self, claimed: Mapping[str, Decimal], *, is_urgent: bool = False
    ) -> Sequence[Holding]:
        return [] if self.hides else await super().holdings(claimed, is_urgent=is_urgent)

    async def fills(self, symbol: str, *, since_ms: Ms) -> Sequence[Fill]:
        return [] if self.hides else await super().fills(symbol, since_ms=since_ms)


@pytest.fixture(name="compared_in_turn")
def _compared_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare the simulated exchange periodically, as a real one is."""
    monkeypatch.setattr(FaultyExchange, "needs_reconciliation", True)


def _broker(w: Simulation) -> Late:
    broker = w.broker("anna")
    assert isinstance(broker, Late)
    return broker


async def _not_received(w: Simulation) -> Signal:
    """An entry has arrived without a response, and was not listed until its absence was proven."""
    _broker(w).hides = _broker(w).deaf = True
    w.broker("anna").lose_answer(of_leg(Leg.ENTRY))
    signal = await w.send(w.make())
    await w.clock.sleep(180)
    execution = await w.execution(signal, "anna")
    assert execution is not None
    assert execution.failure_reason == "NOT_RECEIVED"
    return signal


async def _is_guarded(w: Simulation) -> bool:
    (position,) = await w.services.storage.trades.open_positions(ANNA)
    resting = await w.broker("anna").open_orders()
    orders = [await w.services.storage.trades.order(report.client_order_id) for report in resting]
    stops = [each for each in orders if each and each.request.leg is Leg.STOP_LOSS]
    return [each.request.quantity for each in stops] == [position.quantity]


@pytest.mark.usefixtures("compared_in_turn")
def test_an_entry_that_appears_late_is_protected_within_a_minute(tmp_path: Path) -> None:
    """No event reports it: the account is compared often while such an entry may appear."""

    async def story(w: Simulation) -> None:
        signal = await _not_received(w)
        _broker(w).hides = False
        await w.clock.sleep(60)
        assert await _is_guarded(w)
        execution = await w.execution(signal, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.EXECUTED

    run_in_virtual_time(tmp_path, story, user("anna"), broker=Late)


@pytest.mark.usefixtures("compared_in_turn")
def test_a_limit_entry_that_appears_late_and_rests_is_cancelled(tmp_path: Path) -> None:
    """Its timeout has passed and its execution has failed, so it must not fill any more."""
    entry = '[users.anna.subscriptions.trend.entry]\ntype = "limit"\nlimit_offset_percent = 1.0\n'

    async def story(w: Simulation) -> None:
        signal = await _not_received(w)
        _broker(w).hides = False
        assert len(await w.broker("anna").open_orders()) == 1
        await w.clock.sleep(60)
        assert await w.broker("anna").open_orders() == []
        assert await w.services.storage.trades.open_positions(ANNA) == []
        execution = await w.execution(signal, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.FAILED

    run_in_virtual_time(tmp_path, story, user("anna", extra=entry), broker=Late)


def test_an_account_with_an_entry_that_may_appear_is_not_trusted_flat(tmp_path: Path) -> None:
    """After a restart it is restored from the ledger, for as long as it may appear."""

    async def story(w: Simulation) -> None:
        await _not_received(w)
        now_ms, previous = w.clock.now_ms(), w.services.control.accounts[ANNA]
        trust = RecentComparisons(compared_ms={ANNA: now_ms}, since_ms=EPOCH)
        restored = Account(
            previous.user, exchange=w.exchange, broker=previous.broker, settings=previous.settings
        )
        restorer = AccountRestorer(
            w.services.storage.trades,
            w.services.storage.executions,
            w.clock,
            on_fills_pending=lambda _account, _order: None,
        )
        await restorer.restore(restored)
        assert not restored.has_activity
        assert not trust.covers(restored, now_ms)
        assert trust.covers(restored, Ms(now_ms + APPEARS_WITHIN_MS))

    run_in_virtual_time(tmp_path, story, user("anna"), broker=Late)
