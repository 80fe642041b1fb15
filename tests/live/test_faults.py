"""Answers get lost, orders are refused, streams fall silent: nobody enters twice, nobody is naked.

Every user has a fault of its own, so that one life of the daemon shows many. The invariants are
checked in the exchange's own book afterwards.
"""

import asyncio
import signal
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from tests.live.invariants import check
from tests.live.live_daemon import MINUTE_MS, LiveFixture, live
from tests.venue.faults import (
    Action,
    Ban,
    Cut,
    Delay,
    Drop,
    Hang,
    Hide,
    Refuse,
    Reply,
    Rule,
    Unlist,
)
from tests.venue.http_wire import Trouble
from tests.venue.model import Kind, Reason, Side, Ticket
from tests.venue.server import DIALECTS

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

HTML = "<html><body>Bad Gateway</body></html>"
ENTRY_FAULTS: dict[str, tuple[Action, ...]] = {
    "answer-lost": (Drop(),),
    "answer-late": (Delay(seconds=4, after=True),),
    "request-lost": (Drop(before=True),),
    "gateway": (Reply(status=502, body=HTML, after=True),),
    "outcome-unknown": (Refuse(why=Trouble.UNKNOWN_OUTCOME, after=True),),
    "overloaded": (Refuse(why=Trouble.OVERLOADED),),
    "nothing": (Reply(body="{}", after=True),),
    "empty": (Reply(after=True),),
    "html": (Reply(body=HTML, after=True, content_type="text/html"),),
    "cut": (Cut(keep=25, honest=True),),
    "truncated": (Cut(keep=13),),
    "hidden": (Hide(seconds=4), Drop()),
    "hanging": (Hang(),),
    "clock": (Refuse(why=Trouble.CLOCK),),
}


NEVER_RECEIVED = {"request-lost", "overloaded"}  # no answer, and the exchange has no order


def _executed(rig: LiveFixture) -> set[str]:
    sql = "SELECT user_id FROM signal_executions WHERE status = 'executed'"
    return {row["user_id"] for row in rig.rows(sql)}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_whatever_becomes_of_the_answer_an_entry_is_made_once(
    tmp_path: Path, dialect: str
) -> None:
    """Fourteen ways to lose an answer: found again, or failed once its absence is proven."""
    users = [*ENTRY_FAULTS, "undisturbed"]
    entered = set(users) - NEVER_RECEIVED
    async with live(tmp_path, *users, "poor", dialect=dialect) as rig:
        for user, does in ENTRY_FAULTS.items():
            rig.fail(user, "entry", *does)
        rig.fail("poor", "entry", Refuse(why=Reason.MARGIN))
        await rig.start()
        await rig.go_long()
        await rig.daemon.wait_for("execution.executed", user_id="undisturbed")
        await rig.until(lambda: _executed(rig) == entered, seconds=60, what="all have entered")
        await rig.daemon.wait_for("execution.failed", user_id="poor", reason="REJECTED")
        await rig.until(
            lambda: all(rig.is_covered(user) for user in entered), seconds=30, what="stops rest"
        )
        for user in NEVER_RECEIVED:
            await rig.daemon.wait_for(
                "execution.failed", user_id=user, reason="NOT_RECEIVED", seconds=90
            )
            assert not rig.held(user)
        await rig.fills_told(*users)
        await rig.stop()
        check(rig, *users, "poor")


STOP_FAULTS: dict[str, tuple[Action, ...]] = {
    "answer-lost": (Drop(),),
    "request-lost": (Drop(before=True),),
    "gateway": (Reply(status=502, body=HTML, after=True),),
    "nothing": (Reply(body="{}", after=True),),
    "refused-once": (Refuse(why=Reason.PRICE_STEP),),
    "refused-thrice": (Refuse(why=Reason.QUANTITY_TOO_LARGE),),
}
FATAL_STOP_FAULTS: dict[str, tuple[Action, ...]] = {
    "never": (Refuse(why=Reason.PRICE_STEP),),
    "too-late": (Refuse(why=Reason.WOULD_TRIGGER),),
}
TIMES = {"refused-thrice": 3, "never": -1}


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_position_is_protected_in_time_or_closed(tmp_path: Path, dialect: str) -> None:
    """A stop that fails is tried again; one that cannot be placed costs the position.

    Where entries bring their stops along, these have been lost: the stop goes out by itself.
    """
    users = [*STOP_FAULTS, *FATAL_STOP_FAULTS]
    async with live(tmp_path, *users, dialect=dialect) as rig:
        for user in users:
            rig.account(user).loses_attached = True
        for user, does in (STOP_FAULTS | FATAL_STOP_FAULTS).items():
            rig.fail(user, "stop", *does, times=TIMES.get(user, 1))
        await rig.start()
        await rig.go_long()
        await rig.until(
            lambda: all(rig.is_covered(user) for user in STOP_FAULTS), seconds=20,
            what="stops rest",
        )  # fmt: skip
        await rig.daemon.wait_for("position.closed", user_id="never", reason="UNPROTECTED")
        await rig.daemon.wait_for("position.closed", user_id="too-late", reason="STOP_LOSS")
        await rig.fills_told(*users)
        await rig.stop()
        # Where a stop came along, it is looked for before another is placed.
        check(rig, *users, naked_limit_s=7)


async def test_a_stop_the_exchange_takes_and_never_shows_is_no_stop(tmp_path: Path) -> None:
    """It is not believed: the position is closed, without a flood of orders."""
    async with live(tmp_path, "anna") as rig:
        rig.fail("anna", "stop", Unlist(), times=-1)
        await rig.start()
        await rig.go_long()
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="UNPROTECTED")
        assert sum(call.facts.leg == "stop" for call in rig.venue.calls) <= 6
        await rig.stop()
        assert rig.held("anna") == 0


async def test_partial_fills_are_covered_as_they_come(tmp_path: Path) -> None:
    """The stop grows with the position; when it fires, the target goes."""
    async with live(
        tmp_path, "anna", targets="[3.0]", defaults='[defaults.entry]\ntype = "limit"\n'
        "limit_offset_percent = 0.02\ntimeout = \"60s\"\n",
    ) as rig:  # fmt: skip
        await rig.start()
        await rig.go_long()
        await rig.daemon.wait_for("order.placed", user_id="anna")
        (entry,) = rig.resting("anna")
        for filled in ("0.004", "0.005", "0.010"):
            rig.venue.engine.fill(entry, Decimal(filled))
            await rig.until(lambda: rig.is_covered("anna"), what="the stop has the size")
        await rig.until(
            lambda: (
                [each.ask.quantity for each in rig.resting("anna", Kind.TAKE_PROFIT)]
                == [Decimal("0.019")]
            ),
            what="the target rests",
        )
        await rig.price(49_000)
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="STOP_LOSS")
        await rig.until(lambda: not rig.resting("anna"))
        await rig.fills_told("anna")
        await rig.stop()
        check(rig, "anna")


async def test_what_the_owner_and_the_exchange_do_is_booked(tmp_path: Path) -> None:
    """Closed by hand, reduced by hand, liquidated, leverage that does not stick, foreign orders."""
    users = ("by-hand", "reduced", "forced", "foreign", "twin")
    async with live(tmp_path, *users) as rig:
        engine = rig.venue.engine
        for user, client_id in (("foreign", ""), ("twin", "f" * 32)):
            rest = Ticket(
                client_id=client_id, symbol=rig.symbol, side=Side.BUY, kind=Kind.LIMIT,
                quantity=Decimal("0.01"), price=Decimal(40_000),
            )  # fmt: skip
            engine.place_foreign(rig.key(user), rest)
        await rig.start()
        await rig.daemon.wait_for("user.halted", user_id="twin")
        await rig.go_long()
        traders = ("by-hand", "reduced", "forced")
        await rig.until(lambda: all(rig.is_covered(user) for user in traders), what="stops rest")
        await rig.daemon.wait_for("decision.skipped", user_id="foreign", code="SYMBOL_IN_DOUBT")
        await rig.daemon.wait_for("decision.skipped", user_id="twin", code="TRADING_HALTED")
        await rig.fills_told(*users)
        engine.close_by_hand(rig.key("by-hand"), rig.symbol)
        engine.liquidate(rig.key("forced"), rig.symbol)
        sale = Ticket(
            client_id="", symbol=rig.symbol, side=Side.SELL, kind=Kind.MARKET,
            quantity=Decimal("0.010"), reduce_only=True,
        )  # fmt: skip
        engine.place_foreign(rig.key("reduced"), sale)
        await rig.daemon.wait_for(
            "position.closed", user_id="by-hand", reason="EXTERNAL", seconds=75
        )
        await rig.daemon.wait_for("position.closed", user_id="forced", reason="LIQUIDATION")
        await rig.daemon.wait_for("position.reduced", user_id="reduced")
        await rig.until(lambda: rig.is_covered("reduced"), what="the stop shrank")
        await rig.fills_told(*users)
        await rig.stop()
        check(rig, *users, naked_limit_s=90)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_a_revoked_key_halts_its_user_and_no_other(tmp_path: Path, dialect: str) -> None:
    """The others trade on; the halted one is told why."""
    async with live(tmp_path, "anna", "ben", dialect=dialect) as rig:
        await rig.start()
        rig.account("anna").is_revoked = True
        await rig.go_long()
        await rig.daemon.wait_for("user.halted", user_id="anna")
        await rig.daemon.wait_for("execution.executed", user_id="ben", status="executed")
        await rig.until(lambda: rig.is_covered("ben"))
        await rig.fills_told("ben")
        await rig.stop()
        check(rig, "ben")


@pytest.mark.parametrize("dialect", ["binance", "bybit"])  # OKX limits the account, not the address
async def test_during_a_ban_nothing_is_sent(tmp_path: Path, dialect: str) -> None:
    """429 stops every call of the address until Retry-After is over; then the trade goes on."""
    async with live(tmp_path, "anna", "ben", dialect=dialect) as rig:
        await rig.start()
        rig.fail("anna", "entry", Ban(seconds=3))
        rig.fail("ben", "entry", Delay(seconds=0.2, after=True))
        await rig.go_long()
        await rig.daemon.wait_for("exchange.banned")
        await rig.until(lambda: _executed(rig) == {"anna", "ben"}, seconds=30, what="both entered")
        await rig.until(lambda: rig.is_covered("anna") and rig.is_covered("ben"))
        await rig.fills_told("anna", "ben")
        await rig.stop()
        check(rig, "anna", "ben")


CLOSES = (50_300, 50_400, 49_400, 49_300)  # a signal to go long, and one to go short
_SAID = "action, signal_id, strength, confidence, stop_loss, take_profits, reason"


async def test_whatever_the_stream_does_the_signals_are_the_same(tmp_path: Path) -> None:
    """Lost, late, repeated, mutated and broken frames, a lost connection: beside a quiet stream.

    Two daemons see the same market; what they made of every candle is compared. Its exchange is
    ahead of our clock, so that REST has the candles when they are missed, and nobody trades.
    """
    folders = [tmp_path / name for name in ("quiet", "disturbed")]
    for each in folders:
        each.mkdir()
    async with live(folders[0], "anna") as quiet, live(folders[1], "anna") as disturbed:
        for rig in (quiet, disturbed):
            rig.venue.engine.clock_offset_ms = 2 * len(CLOSES) * MINUTE_MS
            await rig.start()
        while quiet.last_open_ms < disturbed.last_open_ms:
            await quiet.candle(50_000)
        began_ms = disturbed.last_open_ms
        for number, close in enumerate(CLOSES, 1):
            await quiet.candle(close)
            await _have_run(quiet, number, began_ms)
        await _disturb(disturbed, began_ms)
        assert [said[1] for said in _signals(disturbed)] == ["LONG", "SHORT"]
        assert _signals(disturbed) == _signals(quiet)
        assert _runs(disturbed, began_ms) == _runs(quiet, began_ms)
        for rig in (quiet, disturbed):
            await rig.stop()


async def _disturb(rig: LiveFixture, began_ms: int) -> None:
    """The same candles; the first and the third are only told by REST."""
    for frame in ("not json", "[]", "{}", '{"e":"kline","k":{"s":"BTCUSDT","t":"x"}}'):
        rig.frame(frame)
    await rig.candle(CLOSES[0], tell=False)
    rig.say(rig.last_open_ms - 5 * MINUTE_MS, 60_000)
    await rig.candle(CLOSES[1])
    await _have_run(rig, 2, began_ms)
    rig.say(rig.last_open_ms, 40_000)
    rig.say(rig.last_open_ms - MINUTE_MS, 40_000)
    dialled = rig.venue.counts.connects
    rig.venue.hang_up()
    await rig.until(lambda: rig.venue.counts.connects >= 2 * dialled, what="all dial again")
    await rig.listening()
    await rig.candle(CLOSES[2], tell=False)
    await rig.candle(CLOSES[3])
    await _have_run(rig, 4, began_ms)
    rig.say(rig.last_open_ms - MINUTE_MS, 60_000)
    rig.say(rig.last_open_ms, 60_000)


async def _have_run(rig: LiveFixture, candles: int, began_ms: int) -> None:
    await rig.until(
        lambda: len(_runs(rig, began_ms)) >= candles, seconds=45,
        what=f"{candles} candles have had a run",
        and_else=lambda: str(_runs(rig, began_ms)),
    )  # fmt: skip


def _signals(rig: LiveFixture) -> list[tuple[object, ...]]:
    """Every signal of every candle, to the last digit."""
    sql = f"SELECT candle_close_ms, {_SAID}, price FROM signals ORDER BY candle_close_ms"
    return [tuple(row) for row in rig.rows(sql)]


def _runs(rig: LiveFixture, began_ms: int) -> list[tuple[object, ...]]:
    """What the strategy has made of every candle since then, in the order in which it ran."""
    sql = (
        "SELECT candle_close_ms, outcome, signal_id, error FROM strategy_runs"
        f" WHERE candle_close_ms > {began_ms + MINUTE_MS} ORDER BY started_at_ms, candle_close_ms"
    )
    return [tuple(row) for row in rig.rows(sql)]


async def test_an_exchange_whose_clock_differs_takes_no_entries(tmp_path: Path) -> None:
    """Eight seconds off: requests are still signed right, and nobody enters."""
    async with live(tmp_path, "anna") as rig:
        rig.venue.engine.clock_offset_ms = 8_000
        await rig.start()
        await rig.go_long()
        await rig.daemon.wait_for("decision.skipped", user_id="anna", code="EXCHANGE_HALTED")
        await rig.stop()
        assert rig.account("anna").orders == {}


async def test_a_locked_ledger_delays_and_loses_nothing(tmp_path: Path) -> None:
    """Somebody else writes into the file for two seconds while a signal comes."""
    async with live(tmp_path, "anna") as rig:
        await rig.start()
        other = sqlite3.connect(rig.folder / "state" / "signalbot.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await rig.go_long()
        await asyncio.sleep(2)
        assert rig.account("anna").orders == {}
        other.execute("ROLLBACK")
        other.close()
        await rig.daemon.wait_for("execution.executed", user_id="anna")
        await rig.until(lambda: rig.is_covered("anna"))
        await rig.fills_told("anna")
        await rig.stop()
        check(rig, "anna")


async def test_a_process_that_was_frozen_goes_on(tmp_path: Path) -> None:
    """SIGSTOP in the middle of an entry, SIGCONT after four seconds."""
    async with live(tmp_path, "anna") as rig:
        await rig.start()
        rig.fail("anna", "entry", Delay(seconds=0.3))
        await rig.go_long()
        await rig.until(lambda: any(call.facts.leg == "entry" for call in rig.venue.calls))
        rig.daemon.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(4)
        rig.daemon.process.send_signal(signal.SIGCONT)
        await rig.until(lambda: rig.is_covered("anna"), seconds=30)
        await rig.fills_told("anna")
        await rig.stop()
        check(rig, "anna", naked_limit_s=11)


async def test_a_leverage_that_does_not_stick_takes_no_entry(tmp_path: Path) -> None:
    """The exchange says yes and keeps the old one: reading it back shows it."""
    async with live(tmp_path, "anna") as rig:
        rig.account("anna").keeps_leverage = True
        await rig.start()
        await rig.go_long()
        line = await rig.daemon.wait_for("execution.failed", user_id="anna", reason="REJECTED")
        assert "leverage is 20, not 5" in line["error"]
        await rig.stop()
        assert rig.account("anna").orders == {}


async def test_a_user_in_hedge_mode_is_halted_with_the_cure(tmp_path: Path) -> None:
    """Positions that do not net are not ours to manage."""
    async with live(tmp_path, "anna", "ben") as rig:
        rig.account("anna").is_hedged = True
        await rig.start()
        line = await rig.daemon.wait_for("user.halted", user_id="anna")
        assert "one-way" in line["reason"]
        await rig.stop()


async def test_one_request_is_sent_before_an_entry_is_acknowledged(tmp_path: Path) -> None:
    """Balance, positions, leverage and markets are known before the signal comes."""
    async with live(tmp_path, "anna") as rig:
        await rig.start()
        await asyncio.sleep(1)
        rig.venue.calls.clear()
        await rig.go_long()
        await rig.daemon.wait_for("execution.executed", user_id="anna")
        private = [call.facts.leg for call in rig.venue.calls if call.facts.key]
        assert private[:2] == ["entry", "stop"]
        await rig.stop()


async def test_while_one_user_hangs_all_others_trade(tmp_path: Path) -> None:
    """Their entries and stops do not wait for answers that never come to somebody else."""
    others = [f"user{number}" for number in range(8)]
    async with live(tmp_path, "stuck", *others) as rig:
        await rig.start()
        rig.venue.faults.add(Rule(key=rig.key("stuck"), does=(Hang(before=True),), times=-1))
        await rig.go_long()
        for user in others:
            await rig.daemon.wait_for("execution.executed", user_id=user, status="executed")
        await rig.until(lambda: all(rig.is_covered(user) for user in others), what="stops rest")
        assert not rig.held("stuck")
        await rig.fills_told(*others)
        rig.venue.faults.clear()
        await rig.stop()
        check(rig, *others)
