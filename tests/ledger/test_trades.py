"""Orders, fills and positions: what an exchange reports is booked once, complete or not at all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.domain.errors import IllegalTransition, LedgerError
from signalbot.domain.executions import ExecutionStatus
from signalbot.domain.orders import ClientOrderId, Leg, Order, OrderSide, OrderStatus
from signalbot.domain.positions import CloseReason, PositionStatus
from signalbot.domain.signals import PositionId
from signalbot.domain.timeframe import DAY_MS, Ms
from signalbot.ledger.booking import Booked, Booking
from tests.domain.samples import ANNA, ETH, NOW, POSITION, fill, report
from tests.ledger.ledger_fixtures import (
    BEN,
    Ledger,
    approved,
    count,
    intent,
    ledger,
    pending,
    signal,
)

ENTRY, STOP = Order(request=intent(signal())), Order(request=intent(signal(), leg=Leg.STOP_LOSS))
BOUGHT = (
    fill(OrderSide.BUY, 6, 100, fee="0.3", trade_id="1"),
    fill(OrderSide.BUY, 4, 101, fee="0.2", trade_id="2"),
)
FILLED = replace(report(OrderStatus.FILLED, 10), fills=BOUGHT)
ENTERED = Booking(order=ENTRY.apply(FILLED), fills=BOUGHT, position=POSITION)


@asynccontextmanager
async def _claimed(folder: Path) -> AsyncIterator[Ledger]:
    """A ledger in which Anna has claimed a signal, with entry and stop intended."""
    async with ledger(folder) as books:
        await books.signals.store(signal())
        await books.executions.claim(
            pending(signal()), approved(signal()), [ENTRY.request, STOP.request]
        )
        yield books


async def test_a_report_is_booked_whole(tmp_path: Path) -> None:
    """Order, fills, position and execution, in one commit."""
    async with _claimed(tmp_path) as books:
        before = books.database.commits
        execution = replace(pending(signal()), status=ExecutionStatus.EXECUTED)
        booked = await books.trades.book(replace(ENTERED, execution=execution))
        assert books.database.commits == before + 1
        assert booked.new_fills == BOUGHT
        assert booked.position is not None
        assert booked.position.quantity == 10
        assert booked.position.entry_price == Decimal("100.4")
        assert await books.trades.position(POSITION.position_id) == booked.position
        assert await books.trades.order(ENTRY.client_order_id) == ENTERED.order
        assert await books.executions.execution(signal().signal_id, ANNA) == execution


async def test_a_fill_is_booked_once(tmp_path: Path) -> None:
    """However often, and by whatever way, the exchange reports it."""
    async with _claimed(tmp_path) as books:
        some = replace(report(OrderStatus.PARTIALLY_FILLED, 6), fills=BOUGHT[:1])
        first = replace(ENTERED, order=ENTRY.apply(some), fills=BOUGHT[:1])
        half = (await books.trades.book(first)).position
        assert half is not None
        assert half.quantity == 6
        complete = await books.trades.book(replace(ENTERED, position=half))
        assert complete.new_fills == BOUGHT[1:]
        assert complete.position is not None
        assert complete.position.quantity == 10
        again = await books.trades.book(replace(ENTERED, position=complete.position))
        assert again == Booked(position=complete.position, new_fills=(), moved=False)
        assert await count(books.database, "fills") == 2


async def test_a_filled_quantity_counts_before_its_fills_are_reported(tmp_path: Path) -> None:
    """Quantity and price follow the order; the fills add their fees, once, and nothing else."""
    async with _claimed(tmp_path) as books:
        reported = replace(report(OrderStatus.FILLED, 10), average_price=Decimal("100.4"))
        early = await books.trades.book(Booking(order=ENTRY.apply(reported), position=POSITION))
        assert early.position is not None
        assert early.moved
        assert early.position.quantity == 10
        assert early.position.fees == 0
        assert early.position.entry_price == Decimal("100.4")
        late = await books.trades.book(replace(ENTERED, position=early.position))
        assert late.position == replace(early.position, fees=Decimal("0.5"))
        again = await books.trades.book(replace(ENTERED, position=late.position))
        assert (again.position, again.moved) == (late.position, False)


async def test_a_fee_reported_after_the_close_is_added_to_the_position(tmp_path: Path) -> None:
    """The last fills of a closed position may be reported after its close."""
    async with _claimed(tmp_path) as books:
        held = (await books.trades.book(ENTERED)).position
        reported = replace(report(OrderStatus.FILLED, 10), average_price=Decimal(90))
        stop = replace(STOP, request=replace(STOP.request, side=OrderSide.SELL))
        closed = (
            await books.trades.book(Booking(order=stop.apply(reported), position=held))
        ).position
        assert closed is not None
        assert not closed.is_open
        sold = fill(OrderSide.SELL, 10, 90, fee="0.4", trade_id="9")
        late = Booking(order=stop.apply(replace(reported, fills=(sold,))), fills=(sold,))
        assert (await books.trades.book(late)).position is None
        found = await books.trades.position(POSITION.position_id)
        assert found == replace(closed, fees=closed.fees + Decimal("0.4"))


@pytest.mark.parametrize("is_reported", [True, False])
async def test_dust_that_an_entrys_fee_leaves_closes_for_the_exits_reason(
    tmp_path: Path, *, is_reported: bool
) -> None:
    """The fee in the base currency is reported last, with the stop's fills or before them."""
    async with _claimed(tmp_path) as books:
        reported = replace(report(OrderStatus.FILLED, 10), average_price=Decimal(100))
        held = (
            await books.trades.book(Booking(order=ENTRY.apply(reported), position=POSITION))
        ).position
        stop = replace(STOP, request=replace(STOP.request, side=OrderSide.SELL))
        sold = fill(OrderSide.SELL, "9.9", 90, trade_id="9", client_order_id=STOP.client_order_id)
        sale = replace(
            report(OrderStatus.FILLED, Decimal("9.9")),
            average_price=Decimal(90),
            fills=(sold,) if is_reported else (),
        )
        order = replace(stop, request=replace(stop.request, quantity=Decimal("9.9"))).apply(sale)
        held = (
            await books.trades.book(
                Booking(order=order, fills=sale.fills, position=held, reason=CloseReason.STOP_LOSS)
            )
        ).position
        assert held is not None
        assert (held.is_open, held.quantity) == (True, Decimal("0.1"))
        bought = replace(fill(OrderSide.BUY, 10, 100, fee="0.0999"), fee_currency="BTC")
        late = Booking(
            order=ENTRY.apply(replace(reported, fills=(bought,), updated_at_ms=Ms(NOW + 60_000))),
            fills=(bought,),
            position=held,
            dust=Decimal("0.001"),
        )
        closed = (await books.trades.book(late)).position
        assert closed is not None
        assert closed.close_reason is CloseReason.STOP_LOSS


async def test_the_same_trade_id_is_another_fill_in_another_account(tmp_path: Path) -> None:
    """Exchanges number trades per account, or per market."""
    async with _claimed(tmp_path) as books:
        await books.trades.book(ENTERED)
        for change in ({"user_id": BEN}, {"exchange": "elsewhere"}):
            request = replace(ENTRY.request, **change)
            other = replace(ENTERED, order=replace(ENTERED.order, request=request), position=None)
            assert (await books.trades.book(other)).new_fills == BOUGHT
        elsewhere = tuple(replace(each, symbol=ETH) for each in BOUGHT)
        other = replace(ENTERED, fills=elsewhere, position=None)
        assert (await books.trades.book(other)).new_fills == elsewhere
        assert await count(books.database, "fills") == 8


async def test_a_fill_that_would_turn_the_position_around_changes_nothing(tmp_path: Path) -> None:
    """Neither order nor fills nor position: an operator must resolve the contradiction."""
    async with _claimed(tmp_path) as books:
        held = (await books.trades.book(ENTERED)).position
        sold = fill(OrderSide.SELL, 11, 90, trade_id="3")
        stopped = STOP.apply(replace(report(OrderStatus.FILLED, 11), fills=(sold,)))
        with pytest.raises(IllegalTransition, match="holds 10"):
            await books.trades.book(Booking(order=stopped, fills=(sold,), position=held))
        assert await count(books.database, "fills") == 2
        assert await books.trades.position(POSITION.position_id) == held
        stop = await books.trades.order(STOP.client_order_id)
        assert stop is not None
        assert stop.status is OrderStatus.INTENDED


async def test_the_last_fill_closes_the_position_with_the_reason_of_its_order(
    tmp_path: Path,
) -> None:
    """And it is no longer among the open ones."""
    async with _claimed(tmp_path) as books:
        held = (await books.trades.book(ENTERED)).position
        sold = fill(OrderSide.SELL, 10, 90, trade_id="3", at_ms=NOW + 60)
        stopped = STOP.apply(replace(report(OrderStatus.FILLED, 10), fills=(sold,)))
        booking = Booking(order=stopped, fills=(sold,), position=held, reason=CloseReason.STOP_LOSS)
        closed = (await books.trades.book(booking)).position
        assert closed is not None
        assert (closed.status, closed.close_reason) == (
            PositionStatus.CLOSED,
            CloseReason.STOP_LOSS,
        )
        assert await books.trades.open_positions(ANNA) == []
        assert await books.trades.closed_since(ANNA, Ms(NOW + 60)) == [closed]
        assert await books.trades.closed_since(ANNA, Ms(NOW + 61)) == []
        assert await books.trades.latest_fill_ms("sim", ANNA) == NOW + 60
        assert await books.trades.latest_fill_ms("sim", BEN) is None


@pytest.mark.parametrize(
    ("stopped_ms", "reason"),
    [(60, CloseReason.TAKE_PROFIT), (80, CloseReason.STOP_LOSS)],
)
async def test_a_close_has_the_reason_of_the_exit_that_was_last(
    tmp_path: Path, stopped_ms: int, reason: CloseReason
) -> None:
    """A target is reported at once, a stop later: the exchange's times decide which was last."""
    async with _claimed(tmp_path) as books:
        held = (await books.trades.book(ENTERED)).position
        request = replace(intent(signal(), leg=Leg.TAKE_PROFIT), side=OrderSide.SELL)
        target = Order(request=request)
        await books.trades.intend([target.request])
        aimed = fill(
            OrderSide.SELL, 4, 110, trade_id="3", at_ms=NOW + 70,
            client_order_id=target.client_order_id,
        )  # fmt: skip
        booking = Booking(
            order=target.apply(replace(report(OrderStatus.FILLED, 4), fills=(aimed,))),
            fills=(aimed,), position=held, reason=CloseReason.TAKE_PROFIT,
        )  # fmt: skip
        held = (await books.trades.book(booking)).position
        stopped = fill(
            OrderSide.SELL, 6, 90, trade_id="4", at_ms=NOW + stopped_ms,
            client_order_id=STOP.client_order_id,
        )  # fmt: skip
        booking = Booking(
            order=STOP.apply(replace(report(OrderStatus.FILLED, 6), fills=(stopped,))),
            fills=(stopped,), position=held, reason=CloseReason.STOP_LOSS,
        )  # fmt: skip
        closed = (await books.trades.book(booking)).position
        assert closed is not None
        assert closed.close_reason is reason
        assert closed.closed_at_ms == NOW + max(70, stopped_ms)


async def test_a_second_open_position_in_a_symbol_is_refused(tmp_path: Path) -> None:
    """One per account and symbol: that is what the exchange would hold."""
    async with _claimed(tmp_path) as books:
        await books.trades.save_position(POSITION)
        other = replace(POSITION, position_id=PositionId("pos_other"))
        with pytest.raises(LedgerError, match="UNIQUE"):
            await books.trades.save_position(other)
        await books.trades.save_position(
            replace(POSITION, position_id=PositionId("pos_eth"), symbol=ETH)
        )
        await books.trades.save_position(replace(POSITION, status=PositionStatus.CLOSED))
        await books.trades.save_position(other)
        open_now = await books.trades.open_positions(ANNA)
        assert {each.symbol for each in open_now} == {POSITION.symbol, ETH}


async def test_an_intent_that_was_written_before_stays_as_it_is(tmp_path: Path) -> None:
    """Intending again, after a crash, does not make an order that has filled look new."""
    async with _claimed(tmp_path) as books:
        await books.trades.book(ENTERED)
        await books.trades.intend([replace(ENTRY.request, quantity=Decimal(99))])
        assert await books.trades.order(ENTRY.client_order_id) == ENTERED.order


async def test_orders_are_found_by_what_they_belong_to(tmp_path: Path) -> None:
    """By position, by signal and user, and by being unfinished."""
    async with _claimed(tmp_path) as books:
        ids = {ENTRY.client_order_id, STOP.client_order_id}

        async def found(orders: list[Order]) -> set[ClientOrderId]:
            return {each.client_order_id for each in orders}

        assert await found(await books.trades.orders_of_position(POSITION.position_id)) == ids
        assert await found(await books.trades.orders_of_signal(signal().signal_id, ANNA)) == ids
        assert await found(await books.trades.orders_of_signal(signal().signal_id, BEN)) == set()
        assert await found(await books.trades.unfinished_orders(ANNA)) == ids
        await books.trades.book(ENTERED)
        left = await books.trades.unfinished_orders(ANNA)
        assert await found(left) == {STOP.client_order_id}
        assert await books.trades.order(ClientOrderId("unheard of")) is None
        assert await books.trades.position(PositionId("unheard of")) is None


@pytest.mark.parametrize("status", OrderStatus)
async def test_an_order_is_unfinished_until_it_is_final(
    tmp_path: Path, status: OrderStatus
) -> None:
    """Intended and unknown ones must be looked up after a restart."""
    async with _claimed(tmp_path) as books:
        await books.trades.save_orders(
            [replace(ENTRY, status=status), replace(STOP, status=OrderStatus.CANCELLED)]
        )
        unfinished = await books.trades.unfinished_orders(ANNA)
        assert len(unfinished) == (not status.is_final)


async def test_levels_and_the_orders_that_change_with_them_are_saved_together(
    tmp_path: Path,
) -> None:
    """A stop that moves is one change."""
    async with _claimed(tmp_path) as books:
        await books.trades.book(ENTERED)
        moved = replace(POSITION, stop_loss=Decimal("99.5"), protected_at_ms=Ms(NOW + 7))
        live = replace(STOP, status=OrderStatus.OPEN, exchange_order_id="78")
        before = books.database.commits
        await books.trades.save_position(moved, [live])
        assert books.database.commits == before + 1
        assert await books.trades.position(POSITION.position_id) == moved
        assert await books.trades.order(STOP.client_order_id) == live


async def test_entries_of_the_day_are_counted(tmp_path: Path) -> None:
    """Entries, not stops, and from the given instant on."""
    async with _claimed(tmp_path) as books:
        assert await books.trades.entries_since(ANNA, Ms(NOW)) == 1
        assert await books.trades.entries_since(ANNA, Ms(NOW + 1)) == 0
        assert await books.trades.entries_since(ANNA, Ms(NOW - DAY_MS)) == 1
        assert await books.trades.entries_since(BEN, Ms(NOW)) == 0


async def test_positions_come_back_in_the_order_they_closed(tmp_path: Path) -> None:
    """Loss streaks are counted in it."""
    async with _claimed(tmp_path) as books:
        for number, minutes in enumerate((3, 1, 2)):
            await books.trades.save_position(
                replace(
                    POSITION,
                    position_id=PositionId(f"pos_{number}"),
                    status=PositionStatus.CLOSED,
                    closed_at_ms=Ms(NOW + minutes * 60_000),
                )
            )
        closed = await books.trades.closed_since(ANNA, Ms(NOW))
        assert [each.position_id for each in closed] == ["pos_1", "pos_2", "pos_0"]


async def test_a_target_is_counted_in_the_commit_that_books_it(tmp_path: Path) -> None:
    """With the stop's move to the entry price, so that no kill can come between; and once."""
    async with _claimed(tmp_path) as books:
        entered = await books.trades.book(
            replace(ENTERED, position=replace(POSITION, stop_loss=Decimal(90)))
        )
        request = intent(signal(), leg=Leg.TAKE_PROFIT)
        target = Order(request=replace(request, side=OrderSide.SELL))
        await books.trades.intend([target.request])
        sold = fill(OrderSide.SELL, 5, 110, trade_id="5", client_order_id=target.client_order_id)
        some = replace(report(OrderStatus.PARTIALLY_FILLED, 2), average_price=Decimal(110))
        complete = replace(report(OrderStatus.FILLED, 5), average_price=Decimal(110))
        position, target_after = entered.position, target
        for reported, hits in ((some, 0), (complete, 1), (replace(complete, fills=(sold,)), 1)):
            before = books.database.commits
            target_after = target_after.apply(reported)
            booking = Booking(
                order=target_after, fills=reported.fills, position=position,
                break_even_after=1, tick=Decimal("0.1"),
            )  # fmt: skip
            position = (await books.trades.book(booking)).position
            assert books.database.commits == before + 1
            assert position is not None
            assert position == await books.trades.position(POSITION.position_id)
            assert position.targets_hit == hits
            assert position.stop_loss == (Decimal("100.4") if hits else Decimal(90))
