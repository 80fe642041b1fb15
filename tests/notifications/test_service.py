"""From a change in the ledger to a message that has arrived: once, whatever happens on the way."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import time
from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.executions import ExecutionStatus
from signalbot.domain.notices import (
    OPERATOR,
    OPERATOR_DEFAULTS,
    NoticeRules,
    NotificationSettings,
    NotifyLevel,
    Recipient,
)
from signalbot.domain.orders import Leg, Order, OrderSide, OrderStatus
from signalbot.domain.positions import CloseReason
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId, UserStatus
from signalbot.ledger.booking import Booking
from signalbot.ledger.outages import SourceOutages
from signalbot.ledger.outbox import Outbox
from signalbot.notifications.delivery import DeliveryPolicy
from signalbot.notifications.service import NotificationService
from signalbot.tasks import SystemClock
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
from tests.notifications.http_receiver import Receiver, receiving

HASTY = DeliveryPolicy(
    batch_window_s=0.02,
    message_interval_s=0.02,
    first_retry_s=0.02,
    max_retry_s=0.05,
    max_attempts=6,
    deadline_s=20,
)
ONE_TRY = replace(HASTY, max_retry_s=60, first_retry_s=30)
NO_SUMMARY = NotificationSettings(daily_summary=None)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A service to deliver to."""
    with receiving() as found:
        yield found


def terms(*recipients: Recipient) -> NotificationSettings:
    """Settings with these recipients and without summaries."""
    return replace(NO_SUMMARY, recipients=recipients)


def recipient(name: UserId, *urls: str, rules: NoticeRules | None = None) -> Recipient:
    """A recipient with destinations."""
    return Recipient(name=name, urls=urls, rules=rules or NoticeRules())


@asynccontextmanager
async def post(
    books: Ledger,
    terms: NotificationSettings,
    *,
    pace: DeliveryPolicy = HASTY,
    hidden: list[str] | None = None,
) -> AsyncIterator[NotificationService]:
    """The post, open, on a ledger; secrets are what the vault of these tests has."""

    async def resolve(text: str) -> str:
        return VAULT.get(text, text)

    opened = NotificationService(
        terms,
        database=books.database,
        resolve_secret=resolve,
        redact_secret=(hidden if hidden is not None else []).append,
        clock=SystemClock(),
        policy=pace,
    )
    async with opened.open():
        yield opened


VAULT: dict[str, str] = {}


async def until(receiver: Receiver, path: str, titles: list[str]) -> None:
    """Wait until exactly these have come to ``path``."""
    await asyncio.to_thread(receiver.wait, lambda: len(receiver.titles(path)) >= len(titles))
    assert receiver.titles(path) == titles


async def pause(books: Ledger, user: UserId, *, resumed: bool = False) -> None:
    """Pause or resume a user, which makes a notice."""
    status = UserStatus.ACTIVE if resumed else UserStatus.PAUSED
    await books.accounts.set_user_status(user, status, reason="", now_ms=NOW)


async def outcome(books: Ledger) -> list[tuple[str, str]]:
    """Kind and status of every notice ever written."""
    rows = await books.database.query("SELECT kind, status FROM notices ORDER BY notice_id")
    return [(row["kind"], row["status"]) for row in rows]


async def settled(books: Ledger, status: str, count: int) -> None:
    """Wait until so many notices have this status."""
    async with asyncio.timeout(20):
        while [each for _, each in await outcome(books)].count(status) < count:
            await SystemClock().sleep(0.01)


async def trade(books: Ledger) -> None:
    """Anna enters, is protected, and is stopped out."""
    entry = intent(signal())
    order, guard = Order(request=entry), Order(request=intent(signal(), leg=Leg.STOP_LOSS))
    bought = fill(OrderSide.BUY, 10, 100, fee="0.5", trade_id="1")
    sold = fill(OrderSide.SELL, 10, 95, fee="0.5", trade_id="2")
    filled = report(OrderStatus.FILLED, 10)
    await books.signals.store(signal())
    await books.executions.claim(pending(signal()), approved(signal()), [entry, guard.request])
    execution = replace(
        pending(signal()),
        status=ExecutionStatus.EXECUTED,
        executed_at_ms=NOW,
        quantity=Decimal(10),
        actual_entry_price=Decimal(100),
    )
    booked = await books.trades.book(
        Booking(
            order=order.apply(replace(filled, fills=(bought,))),
            fills=(bought,),
            position=replace(POSITION, stop_loss=Decimal(95)),
            execution=execution,
        )
    )
    assert booked.position is not None
    protected = replace(booked.position, protected_at_ms=NOW)
    await books.trades.save_position(protected)
    await books.trades.book(
        Booking(
            order=guard.apply(replace(filled, fills=(sold,))),
            fills=(sold,),
            position=protected,
            reason=CloseReason.STOP_LOSS,
        )
    )


async def test_notices_of_a_trade_come_in_its_order(tmp_path: Path, receiver: Receiver) -> None:
    """Filled, protected, closed with its result: to whom it happened, and to nobody else."""
    recipients = (recipient(ANNA, receiver.url("anna")), recipient(BEN, receiver.url("ben")))
    async with ledger(tmp_path) as books, post(books, terms(*recipients)):
        await trade(books)
        await until(
            receiver,
            "anna",
            [
                "✅ Filled: LONG BTC/USDT perp (paper)",
                "🛡 Stop placed: LONG BTC/USDT perp (paper)",
                "🔴 Closed: LONG BTC/USDT perp -51.00 USDT (paper)",
            ],
        )
        assert receiver.titles("ben") == []


async def test_a_user_who_trades_manually_gets_the_advice(
    tmp_path: Path, receiver: Receiver
) -> None:
    """Everything that is needed to place the order."""
    async with ledger(tmp_path) as books, post(books, terms(recipient(ANNA, receiver.url("anna")))):
        await books.signals.store(signal())
        await books.signals.record_decision(skipped(signal(), ANNA, DecisionCode.SIGNALS_ONLY))
        await until(receiver, "anna", ["📈 Signal: LONG BTC/USDT perp"])
        assert "Stop: 95 (-5.00 %)\nTargets: 110 (+10.00 %), 120 (+20.00 %)" in receiver.got[0].body


async def test_each_kind_has_the_configured_level(tmp_path: Path, receiver: Receiver) -> None:
    """Refusals are off unless wanted; the operator hears what needs somebody, and whose it is."""
    recipients = (
        recipient(ANNA, receiver.url("anna"), rules=NoticeRules(refused=NotifyLevel.ON)),
        recipient(BEN, receiver.url("ben")),
        recipient(OPERATOR, receiver.url("operator"), rules=OPERATOR_DEFAULTS),
    )
    async with ledger(tmp_path) as books, post(books, terms(*recipients)):
        await books.signals.store(signal())
        for user in (ANNA, BEN):
            await books.signals.record_decision(skipped(signal(), user, DecisionCode.COOLDOWN))
        await pause(books, BEN)
        await until(receiver, "anna", ["🚫 Skipped: LONG BTC/USDT perp"])
        await until(receiver, "ben", ["⏸ Account ben paused"])
        await until(receiver, "operator", ["⏸ Account ben paused"])
        [got] = [got for got in receiver.got if got.path == "/operator"]
        assert got.body.startswith("User: ben\n")


async def test_all_users_are_notified_of_halted_trading(tmp_path: Path, receiver: Receiver) -> None:
    """It happens to all."""
    recipients = (recipient(ANNA, receiver.url("anna")), recipient(BEN, receiver.url("ben")))
    async with ledger(tmp_path) as books, post(books, terms(*recipients)):
        await books.accounts.set_halted("maintenance", now_ms=NOW)
        for path in ("anna", "ben"):
            await until(receiver, path, ["⛔ Trading halted"])


async def test_only_the_operator_is_notified_about_a_source(
    tmp_path: Path, receiver: Receiver
) -> None:
    """A user can do nothing about it, and hears of it only by choice."""
    recipients = (
        recipient(ANNA, receiver.url("anna")),
        recipient(OPERATOR, receiver.url("operator"), rules=OPERATOR_DEFAULTS),
    )
    async with ledger(tmp_path) as books, post(books, terms(*recipients)):
        await SourceOutages(books.database).begin("trend", last_alert_ms=NOW, now_ms=NOW)
        await until(receiver, "operator", ["⚠️ trend missed its heartbeat"])
        await pause(books, ANNA)
        await until(receiver, "anna", ["⏸ Account anna paused"])


async def test_a_burst_is_merged_and_loses_nothing(tmp_path: Path, receiver: Receiver) -> None:
    """Forty notices at once are a few messages."""
    patient = replace(HASTY, batch_window_s=0.3)
    url = receiver.url("anna")
    async with ledger(tmp_path) as books, post(books, terms(recipient(ANNA, url)), pace=patient):
        for _ in range(20):
            await pause(books, ANNA)
            await pause(books, ANNA, resumed=True)
        paused, resumed = "⏸ Account anna paused", "▶️ Account anna resumed"
        await until(receiver, "anna", [paused, resumed] * 20)
        assert len(receiver.got) < 10


async def test_a_refusal_for_being_too_fast_is_tried_again(
    tmp_path: Path, receiver: Receiver
) -> None:
    """429 and 500 delay a notice; they lose none and repeat none."""
    receiver.refusals["/anna"] = [429, 500, 429]
    async with ledger(tmp_path) as books, post(books, terms(recipient(ANNA, receiver.url("anna")))):
        await pause(books, ANNA)
        await until(receiver, "anna", ["⏸ Account anna paused"])
        await settled(books, "delivered", 1)
    assert receiver.asked == ["/anna"] * 4


async def test_a_dead_destination_delays_no_other(tmp_path: Path, receiver: Receiver) -> None:
    """Neither the other destinations nor what is written about later."""
    receiver.hanging = {f"/dead{number}" for number in range(30)}
    dead = recipient(BEN, *(receiver.url(path.strip("/")) for path in sorted(receiver.hanging)))
    recipients = (dead, recipient(ANNA, receiver.url("anna")))
    async with ledger(tmp_path) as books, post(books, terms(*recipients), pace=ONE_TRY):
        await books.accounts.set_halted("maintenance", now_ms=NOW)
        await until(receiver, "anna", ["⛔ Trading halted"])
        await pause(books, ANNA)
        await until(receiver, "anna", ["⛔ Trading halted", "⏸ Account anna paused"])


async def test_what_was_tried_too_often_is_parked(tmp_path: Path, receiver: Receiver) -> None:
    """It stays in the ledger; what comes later is tried anew."""
    receiver.refusals["/anna"] = [500] * HASTY.max_attempts
    async with ledger(tmp_path) as books, post(books, terms(recipient(ANNA, receiver.url("anna")))):
        await pause(books, ANNA)
        await settled(books, "parked", 1)
        await pause(books, ANNA, resumed=True)
        await until(receiver, "anna", ["▶️ Account anna resumed"])
        await settled(books, "delivered", 1)
        assert [status for _, status in await outcome(books)] == ["parked", "delivered"]


async def test_events_while_the_service_is_closed_are_delivered_at_the_next_start(
    tmp_path: Path, receiver: Receiver
) -> None:
    """The journal goes on; the cursor knows where it was."""
    anna = terms(recipient(ANNA, receiver.url("anna")))
    async with ledger(tmp_path) as books:
        async with post(books, anna):
            await pause(books, ANNA)
            await until(receiver, "anna", ["⏸ Account anna paused"])
            await settled(books, "delivered", 1)
        await pause(books, ANNA, resumed=True)
        async with post(books, anna):
            await until(receiver, "anna", ["⏸ Account anna paused", "▶️ Account anna resumed"])


async def test_what_is_on_its_way_when_the_post_closes_is_not_sent_again(
    tmp_path: Path, receiver: Receiver
) -> None:
    """A restart in order repeats nothing: the post waits for the answer, and begins nothing new."""
    receiver.late["/anna"] = threading.Event()
    async with ledger(tmp_path) as books:
        anna = terms(recipient(ANNA, receiver.url("anna")))
        async with post(books, anna):
            await pause(books, ANNA)
            await asyncio.to_thread(receiver.wait, lambda: receiver.asked == ["/anna"])
            await pause(books, ANNA, resumed=True)
            asyncio.get_running_loop().call_later(0.2, receiver.late["/anna"].set)
        assert await outcome(books) == [("halted", "delivered")]
        async with post(books, anna):
            await settled(books, "delivered", 2)
        assert len(receiver.titles("anna")) == 2


async def test_a_new_recipient_gets_no_notices_of_the_past(
    tmp_path: Path, receiver: Receiver
) -> None:
    """A year of trading would flood it."""
    async with ledger(tmp_path) as books:
        async with post(books, NO_SUMMARY):
            await trade(books)
        async with post(books, NO_SUMMARY) as office:
            await office.apply(terms(recipient(ANNA, receiver.url("anna"))))
            await pause(books, ANNA)
            await until(receiver, "anna", ["⏸ Account anna paused"])
            await settled(books, "delivered", 1)
        assert await outcome(books) == [("halted", "delivered")]


async def test_a_destination_that_is_gone_gets_nothing_more(
    tmp_path: Path, receiver: Receiver
) -> None:
    """After a reload the new one is told, and what waited for the old one is given up."""
    receiver.refusals["/old"] = [500] * 1000
    both = terms(recipient(ANNA, receiver.url("anna"), receiver.url("old")))
    async with ledger(tmp_path) as books, post(books, both) as office:
        await pause(books, ANNA)
        await until(receiver, "anna", ["⏸ Account anna paused"])
        await settled(books, "delivered", 1)
        await office.apply(terms(recipient(ANNA, receiver.url("new"))))
        await settled(books, "parked", 1)
        await pause(books, ANNA, resumed=True)
        await until(receiver, "new", ["▶️ Account anna resumed"])
        assert receiver.titles("old") == []


async def test_a_destination_that_cannot_be_used_spares_the_others(
    tmp_path: Path, receiver: Receiver
) -> None:
    """A wrong URL is logged; it neither stops the daemon nor anybody's notices."""
    recipients = recipient(ANNA, "nonsense://somewhere/else", receiver.url("anna"))
    async with ledger(tmp_path) as books, post(books, terms(recipients)):
        await pause(books, ANNA)
        await until(receiver, "anna", ["⏸ Account anna paused"])


async def test_secrets_come_from_the_vault_and_are_hidden_from_then_on(
    tmp_path: Path, receiver: Receiver
) -> None:
    """The URL, its password, and every part that could be a token."""
    url = f"json://anna:hush-hush@127.0.0.1:{receiver.port}/AbC123TokenXyz"
    VAULT["secret:anna"] = url
    hidden: list[str] = []
    async with ledger(tmp_path) as books:
        async with post(books, terms(recipient(ANNA, "secret:anna")), hidden=hidden):
            await pause(books, ANNA)
            await until(receiver, "AbC123TokenXyz", ["⏸ Account anna paused"])
        rows = await books.database.query("SELECT * FROM notices")
        assert "hush-hush" not in str([tuple(row) for row in rows])
    assert {url, "hush-hush", "AbC123TokenXyz"} <= set(hidden)


async def test_a_day_is_summed_up_once(tmp_path: Path, receiver: Receiver) -> None:
    """However often the daemon is started on the day after."""
    daily = replace(
        terms(recipient(ANNA, receiver.url("anna")), recipient(OPERATOR, receiver.url("op"))),
        daily_summary=time(0),
    )
    async with ledger(tmp_path) as books:
        await Outbox(books.database).begin(summed_up_ms=Ms(NOW - 60_000))
        await trade(books)
        await books.database.execute("UPDATE notice_cursor SET event_id = 1000")
        async with post(books, daily):
            await settled(books, "delivered", 2)
        async with post(books, daily):
            await pause(books, ANNA)
            await settled(books, "delivered", 2)
        kinds = [kind for kind, _ in await outcome(books)]
        assert kinds.count("summary") == 2
    [got] = [got for got in receiver.got if got.path == "/anna"]
    assert got.body.startswith("Result: -51.00 USDT after fees (paper)\nTrades: 1, 0 won")
