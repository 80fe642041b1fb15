"""A reversal enters with the margin its close has freed, and not with much less."""

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from signalbot.domain.account_snapshot import Balance
from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.errors import Unavailable
from signalbot.domain.executions import ExecutionStatus
from signalbot.domain.orders import Leg, OrderStatus
from signalbot.domain.signals import Action, Signal
from signalbot.domain.users import UserId
from tests.fakes.broker import FaultyBroker, of_leg
from tests.simulation import HEAD, Simulation, run_in_virtual_time, user

ANNA = UserId("anna")
SIZING = """
sizing = { mode = "balance", balance_percent = 90.0, slippage_bps = 0 }
protection = { on_opposite_signal = "reverse", stop_loss = { source = "percent", percent = 5.0 } }
"""
UNLEVERED = user("anna", leverage=1, extra=SIZING)
SLIPPING = HEAD.replace("slippage_bps = 0.0", "slippage_bps = 50")


class StaleBroker(FaultyBroker):
    """Returns the given balances, one for each refresh, and then the real one."""

    showing: Balance | None = None
    following: tuple[Balance, ...] = ()
    outages = False

    def balance(self) -> Balance:
        return self.showing or self.real.balance()

    async def refresh_balance(self, *, urgent: bool = False) -> bool:
        if self.outages:
            raise Unavailable("no route to host")
        self.showing, self.following = (*self.following, None)[0], self.following[1:]
        return False


def _stale(w: Simulation) -> StaleBroker:
    broker = w.broker("anna")
    assert isinstance(broker, StaleBroker)
    return broker


async def _reverse(w: Simulation, key: str, action: Action = Action.SHORT) -> Signal:
    return await w.send(w.make(action, key=key, stop=None))


async def _sizes(w: Simulation) -> list[Decimal]:
    return [each.quantity for each in w.broker("anna").sent if each.leg is Leg.ENTRY]


def test_sizes_by_balance_do_not_alternate(tmp_path: Path) -> None:
    """Nine tenths of what is there, every time; only the fees make it less."""

    async def story(w: Simulation) -> None:
        for number, action in enumerate((Action.LONG, Action.SHORT) * 2):
            await _reverse(w, str(number), action)
        sizes = await _sizes(w)
        wallet = Decimal(10_000)
        for number, size in enumerate(sizes):
            if number:
                wallet -= sizes[number - 1] * 100 * Decimal("0.0005")  # the exit's fee
            assert size == (wallet * Decimal("0.9") / 100).quantize(Decimal("0.001"), "ROUND_DOWN")
            wallet -= size * 100 * Decimal("0.0005")  # the entry's

    run_in_virtual_time(tmp_path, story, UNLEVERED)


def test_the_claimed_quantity_shrinks_to_what_is_free_after_the_close(tmp_path: Path) -> None:
    """The close slips by an unexpected half percent: order and rows have the smaller quantity."""

    async def story(w: Simulation) -> None:
        await _reverse(w, "1", Action.LONG)
        signal = await _reverse(w, "2")
        decision = await w.decision(signal, "anna")
        assert decision is not None
        claimed = Decimal(str(decision.detail["quantity"]))
        (position,) = await w.services.storage.trades.open_positions(ANNA)
        assert position.quantity == Decimal("89.109")  # 90 % of the 9,901 that are left, at 100
        assert claimed > position.quantity
        execution = await w.execution(signal, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.EXECUTED
        assert execution.quantity == position.quantity
        orders = await w.services.storage.trades.orders_of_signal(signal.signal_id, ANNA)
        by_leg = {each.request.leg: each for each in orders if each.status.is_live}
        assert by_leg[Leg.STOP_LOSS].request.quantity == position.quantity
        (entry,) = [each for each in orders if each.request.leg is Leg.ENTRY]
        assert entry.request.quantity == position.quantity == (await _sizes(w))[1]

    run_in_virtual_time(tmp_path, story, UNLEVERED, head=SLIPPING)


def test_a_balance_that_lags_behind_the_close_is_looked_at_again(tmp_path: Path) -> None:
    """Two reads return the old margin; the third returns the free one, which is used."""

    async def story(w: Simulation) -> None:
        await _reverse(w, "1", Action.LONG)
        broker = _stale(w)
        broker.showing = broker.real.balance()
        broker.following = (broker.showing,) * 2
        await _reverse(w, "2")
        await w.clock.sleep(5)
        first, second = await _sizes(w)
        assert second > first * Decimal("0.99")

    run_in_virtual_time(tmp_path, story, UNLEVERED, broker=StaleBroker)


def test_a_balance_that_never_shows_the_close_is_believed(tmp_path: Path) -> None:
    """Margin that is not reported as free is not used: the entry fits the old balance."""

    async def story(w: Simulation) -> None:
        await _reverse(w, "1", Action.LONG)
        broker = _stale(w)
        broker.showing = old = broker.real.balance()
        broker.following = (old,) * 9
        await _reverse(w, "2")
        await w.clock.sleep(5)
        _, second = await _sizes(w)
        assert second == (old.free * Decimal("0.9") / 100).quantize(Decimal("0.001"), "ROUND_DOWN")

    run_in_virtual_time(tmp_path, story, UNLEVERED, broker=StaleBroker)


def test_an_unreadable_balance_leaves_the_claim_unchanged(tmp_path: Path) -> None:
    """It was made for the margin expected; the exchange rejects what is not covered."""

    async def story(w: Simulation) -> None:
        await _reverse(w, "1", Action.LONG)
        _stale(w).outages = True
        signal = await _reverse(w, "2")
        decision = await w.decision(signal, "anna")
        assert decision is not None
        assert (await _sizes(w))[1] == Decimal(str(decision.detail["quantity"]))

    run_in_virtual_time(tmp_path, story, UNLEVERED, broker=StaleBroker)


def test_when_nothing_is_free_the_reversal_only_closes(tmp_path: Path) -> None:
    """The entry fails with its reason, and nothing of it is left to be sent."""

    async def story(w: Simulation) -> None:
        await _reverse(w, "1", Action.LONG)
        broker = _stale(w)
        broker.following = (replace(broker.real.balance(), free=Decimal(1)),) * 9
        signal = await _reverse(w, "2")
        await w.clock.sleep(5)
        execution = await w.execution(signal, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.FAILED
        assert execution.failure_reason == DecisionCode.INSUFFICIENT_BALANCE
        assert len(await _sizes(w)) == 1
        assert await w.services.storage.trades.open_positions(ANNA) == []
        assert await w.services.storage.trades.unfinished_orders(ANNA) == []

    run_in_virtual_time(tmp_path, story, UNLEVERED, broker=StaleBroker)


def test_an_interrupted_reversal_goes_on_with_what_is_free_then(tmp_path: Path) -> None:
    """Its close has filled, its entry never arrived, and half of the money has been withdrawn."""

    async def story(w: Simulation) -> None:
        await _reverse(w, "1", Action.LONG)
        broker = _stale(w)
        broker.lose_request(of_leg(Leg.ENTRY))
        broker.blind = True
        signal = await _reverse(w, "2")
        before = broker.real.balance()
        broker.blind = False
        broker.following = (replace(before, free=before.free / 2),) * 9
        await w.services.control.sync.compare(w.services.control.accounts[ANNA])
        _, lost, sent = await _sizes(w)
        assert lost * Decimal("0.49") < sent < lost * Decimal("0.51")
        (position,) = await w.services.storage.trades.open_positions(ANNA)
        assert position.quantity == sent
        execution = await w.execution(signal, "anna")
        assert execution is not None
        assert execution.status is ExecutionStatus.EXECUTED

    run_in_virtual_time(tmp_path, story, UNLEVERED, broker=StaleBroker)


def test_targets_keep_their_shares_of_a_smaller_entry(tmp_path: Path) -> None:
    """Under the ids they were claimed with."""

    async def story(w: Simulation) -> None:
        await _reverse(w, "1", Action.LONG)
        short = w.make(Action.SHORT, key="2", stop=None, targets=("95", "90"))
        await w.send(short)
        (position,) = await w.services.storage.trades.open_positions(ANNA)
        near, far = position.take_profits
        half = position.quantity / 2
        assert near.quantity + far.quantity == position.quantity
        assert abs(near.quantity - half) <= Decimal("0.001")
        orders = await w.services.storage.trades.orders_of_signal(short.signal_id, ANNA)
        aims = [each for each in orders if each.request.leg is Leg.TAKE_PROFIT]
        assert {each.request.quantity for each in aims} == {near.quantity, far.quantity}
        assert {each.status for each in aims} == {OrderStatus.OPEN}

    run_in_virtual_time(tmp_path, story, UNLEVERED, head=SLIPPING)
