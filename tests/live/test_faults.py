"""Answers get lost, orders are refused, streams fall silent: nobody enters twice, nobody is naked.

Every user has a fault of its own, so that one life of the daemon shows many. The invariants are
checked in the exchange's own book afterwards.
"""

import asyncio
import signal
import sqlite3
import time
from decimal import Decimal
from pathlib import Path

import pytest

from tests.live.invariants import check
from tests.live.rig import MINUTE_MS, SYMBOL, Live, live
from tests.loopback.faults import Fault, of, path

pytestmark = [pytest.mark.process, pytest.mark.timeout(180)]

HTML = b"<html><body>Bad Gateway</body></html>"
ENTRY_FAULTS = {
    "answer-lost": {"after": True, "drop": True},
    "answer-late": {"after": True, "hang_s": 4.0},
    "request-lost": {"drop": True},
    "gateway": {"after": True, "status": 502, "body": HTML},
    "timeout-code": {"after": True, "status": 504, "body": b'{"code":-1007,"msg":"Timeout"}'},
    "overloaded": {"status": 503, "body": b'{"code":-1008,"msg":"Server is overloaded"}'},
    "unknown-code": {"after": True, "body": b'{"code":-1000,"msg":"unknown"}'},
    "nothing": {"after": True, "body": b"{}"},
    "empty": {"after": True, "body": b""},
    "html": {"after": True, "body": HTML},
    "cut": {"after": True, "body": b'{"orderId":17,"symb'},
    "truncated": {"after": True, "body": b'{"orderId":17', "cut": True},
    "hidden": {"after": True, "drop": True, "hide_s": 4.0},
    "clock": {"status": 400, "body": b'{"code":-1021,"msg":"outside of the recvWindow"}'},
}


def _executed(rig: Live) -> set[str]:
    sql = "SELECT user_id FROM signal_executions WHERE status = 'executed'"
    return {row["user_id"] for row in rig.rows(sql)}


def _is_covered(rig: Live, user: str) -> bool:
    """Whether a user has a position behind a stop of its size."""
    holder = rig.holder(user)
    held = holder.position.get(SYMBOL, Decimal(0))
    stops = [o.quantity for o in holder.orders.values() if o.is_open and o.kind == "stop"]
    return bool(held) and stops == [abs(held)]


async def _fills_told(rig: Live, *users: str) -> None:
    """Return when the ledger has as many fills as the exchange."""
    await rig.until(
        lambda: (
            len(rig.rows("SELECT 1 FROM fills"))
            == sum(len(rig.holder(user).trades) for user in users)
        ),
        what="every fill is told",
    )


async def test_whatever_becomes_of_the_answer_an_entry_is_made_once(tmp_path: Path) -> None:
    """Fourteen ways to lose an answer, and one user whom none of it concerns."""
    users = [*ENTRY_FAULTS, "undisturbed"]
    async with live(tmp_path, *users, "poor") as rig:
        for user, fault in ENTRY_FAULTS.items():
            rig.venue.faults.append(Fault(of(user, "entry"), **fault))  # type: ignore[arg-type]
        refusal = b'{"code":-2019,"msg":"Margin is insufficient."}'
        rig.venue.faults.append(Fault(of("poor", "entry"), status=400, body=refusal))
        await rig.start()
        await rig.go_long()
        await rig.daemon.wait_for("execution.settled", user_id="undisturbed", seconds=3)
        await rig.until(lambda: _executed(rig) == set(users), seconds=60, what="all have entered")
        await rig.daemon.wait_for("execution.failed", user_id="poor", reason="REJECTED")
        await rig.until(lambda: all(_is_covered(rig, user) for user in users), what="stops rest")
        await _fills_told(rig, *users)
        await rig.stop()
        check(rig, *users, "poor")


STOP_FAULTS = {
    "answer-lost": {"after": True, "drop": True},
    "request-lost": {"drop": True},
    "gateway": {"after": True, "status": 502, "body": HTML},
    "nothing": {"after": True, "body": b"{}"},
    "refused-once": {"status": 400, "body": b'{"code":-4131,"msg":"PERCENT_PRICE"}'},
    "limited-size": {"status": 400, "body": b'{"code":-2027,"msg":"Exceeded"}', "times": 3},
}
FATAL_STOP_FAULTS = {
    "never": {"status": 400, "body": b'{"code":-4131,"msg":"PERCENT_PRICE"}', "times": -1},
    "too-late": {"status": 400, "body": b'{"code":-2021,"msg":"would immediately trigger"}'},
}


async def test_a_position_is_protected_in_time_or_closed(tmp_path: Path) -> None:
    """A stop that fails is tried again; one that cannot be placed costs the position."""
    users = [*STOP_FAULTS, *FATAL_STOP_FAULTS]
    async with live(tmp_path, *users) as rig:
        for user, fault in (STOP_FAULTS | FATAL_STOP_FAULTS).items():
            rig.venue.faults.append(Fault(of(user, "stop"), **fault))  # type: ignore[arg-type]
        await rig.start()
        await rig.go_long()
        await rig.until(
            lambda: all(_is_covered(rig, user) for user in STOP_FAULTS), seconds=20,
            what="stops rest",
        )  # fmt: skip
        await rig.daemon.wait_for("position.closed", user_id="never", reason="UNPROTECTED")
        await rig.daemon.wait_for("position.closed", user_id="too-late", reason="STOP_LOSS")
        await _fills_told(rig, *users)
        await rig.stop()
        check(rig, *users)


async def test_a_stop_the_exchange_takes_and_never_shows_is_no_stop(tmp_path: Path) -> None:
    """It is not believed: the position is closed, without a flood of orders."""
    async with live(tmp_path, "anna") as rig:
        rig.venue.hides_algos = True
        await rig.start()
        await rig.go_long()
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="UNPROTECTED")
        assert rig.venue.counts["POST /fapi/v1/algoOrder"] <= 6
        rig.venue.hides_algos = False
        await rig.stop()
        held = rig.holder("anna").position[SYMBOL]
        assert held == 0


async def test_partial_fills_are_covered_as_they_come(tmp_path: Path) -> None:
    """The stop grows with the position; when it fires, the target goes."""
    async with live(
        tmp_path, "anna", targets="[3.0]", defaults='[defaults.entry]\ntype = "limit"\n'
        "limit_offset_percent = 0.02\ntimeout = \"60s\"\n",
    ) as rig:  # fmt: skip
        await rig.start()
        await rig.go_long()
        await rig.daemon.wait_for("order.resting", user_id="anna")
        holder = rig.holder("anna")
        (entry,) = holder.orders.values()
        for filled in ("0.004", "0.005", "0.010"):
            rig.venue.book.fill_rest(holder, entry, Decimal(filled))
            await rig.until(lambda: _is_covered(rig, "anna"), what="the stop has the size")
        await rig.until(
            lambda: (
                [o.quantity for o in holder.orders.values() if o.kind == "take_profit"]
                == [Decimal("0.019")]
            ),
            what="the target rests",
        )
        await rig.price(49_000)
        await rig.daemon.wait_for("position.closed", user_id="anna", reason="STOP_LOSS")
        await rig.until(lambda: not any(o.is_open for o in holder.orders.values()))
        await _fills_told(rig, "anna")
        await rig.stop()
        check(rig, "anna")


async def test_what_the_owner_and_the_exchange_do_is_booked(tmp_path: Path) -> None:
    """Closed by hand, reduced by hand, liquidated, leverage that does not stick, foreign orders."""
    users = ("by-hand", "reduced", "forced", "foreign", "twin")
    async with live(tmp_path, *users) as rig:
        rig.venue.book.place(
            rig.holder("foreign"), client_id="web_1", symbol=SYMBOL, side="buy", kind="limit",
            quantity=Decimal("0.01"), price=Decimal(40_000),
        )  # fmt: skip
        rig.venue.book.place(
            rig.holder("twin"), client_id="f" * 32, symbol=SYMBOL, side="buy", kind="limit",
            quantity=Decimal("0.01"), price=Decimal(40_000),
        )  # fmt: skip
        await rig.start()
        await rig.daemon.wait_for("user.status_changed", user_id="twin", status="HALTED")
        await rig.go_long()
        traders = ("by-hand", "reduced", "forced")
        await rig.until(lambda: all(_is_covered(rig, user) for user in traders), what="stops rest")
        await rig.daemon.wait_for("decision.denied", user_id="foreign", code="SYMBOL_IN_DOUBT")
        await rig.daemon.wait_for("decision.denied", user_id="twin", code="TRADING_HALTED")
        await _fills_told(rig, *users)
        book = rig.venue.book
        book.close_by_hand(rig.holder("by-hand"), SYMBOL)
        book.close_by_hand(rig.holder("forced"), SYMBOL, forced=True)
        book.place(
            rig.holder("reduced"), client_id="web_2", symbol=SYMBOL, side="sell", kind="market",
            quantity=Decimal("0.009"), reduce_only=True,
        )  # fmt: skip
        await rig.daemon.wait_for(
            "position.closed", user_id="by-hand", reason="EXTERNAL", seconds=75
        )
        await rig.daemon.wait_for("position.closed", user_id="forced", reason="LIQUIDATION")
        await rig.daemon.wait_for("position.reduced", user_id="reduced")
        await rig.until(lambda: _is_covered(rig, "reduced"), what="the stop shrank")
        await _fills_told(rig, *users)
        await rig.stop()
        check(rig, *users, naked_limit_s=90)


async def test_a_revoked_key_halts_its_user_and_no_other(tmp_path: Path) -> None:
    """The others trade on; the halted one is told why."""
    async with live(tmp_path, "anna", "ben") as rig:
        await rig.start()
        rig.holder("anna").is_revoked = True
        await rig.go_long()
        await rig.daemon.wait_for("user.status_changed", user_id="anna", status="HALTED")
        await rig.daemon.wait_for("execution.settled", user_id="ben", status="executed")
        await rig.until(lambda: _is_covered(rig, "ben"))
        await _fills_told(rig, "ben")
        await rig.stop()
        check(rig, "ben")


async def test_during_a_ban_nothing_is_sent(tmp_path: Path) -> None:
    """429 stops every call of the address until Retry-After is over; then the trade goes on."""
    async with live(tmp_path, "anna", "ben") as rig:
        await rig.start()
        rig.venue.faults.append(
            Fault(
                of("anna", "entry"),
                status=429,
                headers=(("Retry-After", "4"),),
                body=b'{"code":-1003,"msg":"Too many requests"}',
            )
        )
        rig.venue.faults.append(Fault(of("ben", "entry"), delay_s=0.2, passes=True))
        await rig.go_long()
        await rig.daemon.wait_for("exchange.banned")
        await asyncio.sleep(0.3)  # what was under way has arrived
        before, began = sum(rig.venue.counts.values()), time.monotonic()
        await asyncio.sleep(3)
        assert sum(rig.venue.counts.values()) == before
        assert time.monotonic() - began < 4
        await rig.until(lambda: _executed(rig) == {"anna", "ben"}, seconds=30, what="both entered")
        await rig.until(lambda: _is_covered(rig, "anna") and _is_covered(rig, "ben"))
        await _fills_told(rig, "anna", "ben")
        await rig.stop()
        check(rig, "anna", "ben")


async def test_whatever_the_stream_does_the_signals_are_the_same(tmp_path: Path) -> None:
    """Duplicates, old, mutated and broken frames, a lost connection: one signal, one trade."""
    async with live(tmp_path, "anna") as rig:
        await rig.start()
        topic = "btcusdt@kline_1m"
        for frame in ("not json", "[]", "{}", '{"e":"kline","k":{"s":"BTCUSDT","t":"x"}}'):
            await rig.venue.send(topic, frame)
        await rig.candle(50_000)
        now_ms = int(time.time() * 1000) // MINUTE_MS * MINUTE_MS
        await rig.venue.kline(
            SYMBOL, "1m", now_ms - 5 * MINUTE_MS, "60000", is_closed=True, keep=False
        )
        for socket in list(rig.venue.sockets):
            await socket.close()
        await rig.until(lambda: rig.venue.connects >= 2, what="it dials again")
        await rig.listening()
        await rig.go_long()
        await rig.venue.kline(SYMBOL, "1m", rig.last_open_ms, "40000", is_closed=True, keep=False)
        await rig.venue.kline(SYMBOL, "1m", rig.last_open_ms, "40000", is_closed=True, keep=False)
        await rig.daemon.wait_for("execution.settled", user_id="anna")
        await rig.until(lambda: _is_covered(rig, "anna"))
        await _fills_told(rig, "anna")
        await rig.stop()
        assert len(rig.rows("SELECT * FROM signals")) == 1
        check(rig, "anna")


async def test_an_exchange_whose_clock_differs_takes_no_entries(tmp_path: Path) -> None:
    """Eight seconds off: requests are still signed right, and nobody enters."""
    async with live(tmp_path, "anna") as rig:
        rig.venue.book.clock_offset_ms = 8_000
        await rig.start()
        await rig.go_long()
        await rig.daemon.wait_for("decision.denied", user_id="anna", code="EXCHANGE_HALTED")
        await rig.stop()
        assert rig.holder("anna").orders == {}


async def test_a_locked_ledger_delays_and_loses_nothing(tmp_path: Path) -> None:
    """Somebody else writes into the file for two seconds while a signal comes."""
    async with live(tmp_path, "anna") as rig:
        await rig.start()
        other = sqlite3.connect(rig.folder / "state" / "signalbot.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await rig.go_long()
        await asyncio.sleep(2)
        assert rig.holder("anna").orders == {}
        other.execute("ROLLBACK")
        other.close()
        await rig.daemon.wait_for("execution.settled", user_id="anna")
        await rig.until(lambda: _is_covered(rig, "anna"))
        await _fills_told(rig, "anna")
        await rig.stop()
        check(rig, "anna")


async def test_a_process_that_was_frozen_goes_on(tmp_path: Path) -> None:
    """SIGSTOP in the middle of an entry, SIGCONT after four seconds."""
    async with live(tmp_path, "anna") as rig:
        await rig.start()
        rig.venue.faults.append(Fault(of("anna", "entry"), delay_s=0.3, passes=True))
        await rig.go_long()
        await rig.until(lambda: bool(rig.venue.counts["POST /fapi/v1/order"]))
        rig.daemon.process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(4)
        rig.daemon.process.send_signal(signal.SIGCONT)
        await rig.until(lambda: _is_covered(rig, "anna"), seconds=30)
        await _fills_told(rig, "anna")
        await rig.stop()
        check(rig, "anna", naked_limit_s=11)


async def test_a_leverage_that_does_not_stick_takes_no_entry(tmp_path: Path) -> None:
    """The exchange says yes and keeps the old one: reading it back shows it."""
    async with live(tmp_path, "anna") as rig:
        rig.venue.sticky_leverage = True
        await rig.start()
        await rig.go_long()
        line = await rig.daemon.wait_for("execution.failed", user_id="anna", reason="REJECTED")
        assert "leverage is 20, not 5" in line["error"]
        await rig.stop()
        assert rig.holder("anna").orders == {}


async def test_a_user_in_hedge_mode_is_halted_with_the_cure(tmp_path: Path) -> None:
    """Positions that do not net are not ours to manage."""
    async with live(tmp_path, "anna", "ben") as rig:
        rig.holder("anna").is_hedged = True
        await rig.start()
        line = await rig.daemon.wait_for("user.status_changed", user_id="anna", status="HALTED")
        assert "one-way" in line["reason"]
        await rig.stop()


async def test_one_request_is_sent_before_an_entry_is_acknowledged(tmp_path: Path) -> None:
    """Balance, positions, leverage and markets are known before the signal comes."""
    async with live(tmp_path, "anna") as rig:
        await rig.start()
        await asyncio.sleep(1)
        rig.venue.log.clear()
        await rig.go_long()
        await rig.daemon.wait_for("execution.settled", user_id="anna")
        private = [(m, p) for m, p, _ in rig.venue.log if "ticker" not in p and "klines" not in p]
        assert private[:2] == [("POST", "/fapi/v1/order"), ("POST", "/fapi/v1/algoOrder")]
        await rig.stop()


def test_every_fault_is_one_the_loopback_exchange_knows() -> None:
    """A misspelt path would match nothing and prove nothing."""
    assert path("/order")("POST", "/fapi/v1/order", {})
