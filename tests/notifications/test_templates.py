"""The texts of notices, word for word: a title and short lines that fit on a phone."""

from dataclasses import replace
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from signalbot.domain.notices import NoticeKind
from signalbot.domain.signals import Action, Signal
from signalbot.domain.users import UserId
from signalbot.ledger.journal import JournalEvent
from signalbot.notifications.message import NoticeContext
from signalbot.notifications.notice_types import notice_kind, render_notice
from tests.domain.samples import ANNA, BTC, NOW, SIGNAL

BERLIN = ZoneInfo("Europe/Berlin")
EXECUTED: dict[str, Any] = {
    "mode": "live",
    "action": "LONG",
    "quantity": "0.168",
    "leverage": 5,
    "price": "59219.2",
    "slippage_bps": "1.20",
    "latency_ms": 84,
    "failure_reason": None,
    "error_details": None,
}
CLOSED: dict[str, Any] = {
    "mode": "live",
    "side": "LONG",
    "quantity": "0.168",
    "entry_price": "59219.2",
    "exit_price": "61500",
    "close_reason": "TAKE_PROFIT",
    "realized_pnl": "383.1744",
    "fees": "10.14",
    "funding": "-0.5",
    "opened_at_ms": NOW - 7_500_000,
}
ADVICE = replace(
    SIGNAL,
    price=Decimal("61234.5"),
    stop_loss=Decimal(59_000),
    take_profits=(Decimal(62_500), Decimal(64_000)),
    reason="EMA 9 crossed above EMA 21",
)


def event(kind: str, user: UserId | None = ANNA, **detail: Any) -> JournalEvent:
    """One event of the journal."""
    return JournalEvent(
        event_id=1,
        at_ms=NOW,
        kind=kind,
        user_id=user,
        strategy="trend",
        symbol=BTC,
        signal_id=SIGNAL.signal_id,
        position_id="pos_1",
        detail=detail,
    )


def rendered(of: JournalEvent, signal: Signal | None = None) -> str:
    """Title and body of the notice."""
    message = render_notice(NoticeContext(event=of, signal=signal, zone=BERLIN))
    return f"{message.title}\n{message.body}"


CASES: dict[str, tuple[JournalEvent, str]] = {
    "filled": (
        event("execution.executed", **EXECUTED),
        """\
✅ Filled: LONG BTC/USDT perp
0.168 BTC at 59,219.2
Value: 9,948.83 USDT, leverage 5x
Slippage: 1.2 bp
Strategy: trend""",
    ),
    "partially filled, on paper": (
        event("execution.partially_filled", **EXECUTED | {"mode": "paper", "leverage": 1}),
        """\
✅ Partially filled: LONG BTC/USDT perp (paper)
0.168 BTC at 59,219.2
Value: 9,948.83 USDT
Slippage: 1.2 bp
Strategy: trend""",
    ),
    "sent": (
        event("order.sent", side="buy", type="limit", quantity="0.168", price="59000"),
        """\
📤 Order sent: BTC/USDT perp
Buy 0.168 BTC at 59,000, limit""",
    ),
    "protected": (
        event(
            "position.protected",
            mode="live",
            side="LONG",
            entry_price="59219.2",
            stop_loss="58000",
            take_profits=[{"price": "61500", "quantity": "0.084"}],
        ),
        """\
🛡 Stop placed: LONG BTC/USDT perp
Stop: 58,000 (-2.06 %)
Target: 61,500 (+3.85 %)""",
    ),
    "target hit": (
        event("position.target_hit", side="sell", quantity="0.084", price="61500"),
        """\
🎯 Target hit: BTC/USDT perp
Sold 0.084 BTC at 61,500""",
    ),
    "partially closed": (
        event(
            "position.reduced",
            side="sell",
            quantity="0.084",
            price="61500",
            left="0.084",
            mode="paper",
            position_side="LONG",
        ),
        """\
➗ Partially closed: LONG BTC/USDT perp (paper)
Sold 0.084 BTC at 61,500
Remaining: 0.084 BTC""",
    ),
    "closed with a gain": (
        event("position.closed", **CLOSED),
        """\
🟢 Closed: LONG BTC/USDT perp +372.53 USDT
Reason: take profit
Result: +372.53 USDT (+3.74 %) after fees
0.168 BTC: 59,219.2 → 61,500
Fees: 10.14 USDT, funding -0.50 USDT
Held: 2h 5m, trend""",
    ),
    "closed with a loss": (
        event(
            "position.closed",
            **CLOSED | {"realized_pnl": "-100", "close_reason": "STOP_LOSS", "funding": "0"},
        ),
        """\
🔴 Closed: LONG BTC/USDT perp -110.14 USDT
Reason: stop loss
Result: -110.14 USDT (-1.11 %) after fees
0.168 BTC: 59,219.2 → 61,500
Fees: 10.14 USDT
Held: 2h 5m, trend""",
    ),
    "closed without a stop": (
        event("position.closed", **CLOSED | {"close_reason": "UNPROTECTED", "funding": "0"}),
        """\
⚠️ Closed without a stop: LONG BTC/USDT perp
Reason: no stop could be placed in time
Result: +373.03 USDT (+3.75 %) after fees
0.168 BTC: 59,219.2 → 61,500
Fees: 10.14 USDT
Held: 2h 5m, trend""",
    ),
    "skipped": (
        event(
            "decision.skipped",
            code="MAX_OPEN_POSITIONS",
            action="LONG",
            numbers={"open": 3, "limit": 3},
        ),
        """\
🚫 Skipped: LONG BTC/USDT perp
MAX_OPEN_POSITIONS: the number of open positions has reached risk.max_open_positions
open=3, limit=3
Strategy: trend""",
    ),
    "failed": (
        event(
            "execution.failed",
            **EXECUTED
            | {
                "failure_reason": "REJECTED",
                "error_details": "margin is insufficient",
                "price": None,
            },
        ),
        """\
❌ Failed: LONG BTC/USDT perp
No position was opened.
Reason: the exchange rejected the order: margin is insufficient
Strategy: trend""",
    ),
    "a lost exit": (
        event("alert.missed", None, known="long", told="flat", position="short"),
        """\
⚠️ Alert lost: BTC/USDT perp
Strategy: trend
Expected long, reported flat; now short.
To close remaining longs: signalbot send trend BTC/USDT:USDT EXIT_LONG (on_missed = "exit" \
sends it).""",
    ),
    "a lost entry": (
        event("alert.missed", None, known="flat", told="long", position="long"),
        """\
⚠️ Alert lost: BTC/USDT perp
Strategy: trend
Expected flat, reported long; now long.
No action needed: a late entry would not be safe.""",
    ),
    "a missed heartbeat": (
        event("source.heartbeat_missed", None, heard_at_ms=NOW),
        "⚠️ trend missed its heartbeat\nLast alert: 23:15.",
    ),
    "a recovered source": (
        event("source.recovered", None, heard_at_ms=NOW),
        "✅ trend sends alerts again\n",
    ),
    "a position mismatch": (
        event("position.mismatch_found", exchange="bybit", ledger="nothing", held="SHORT 0.031"),
        """\
⚠️ Position mismatch: BTC/USDT perp
Exchange: SHORT 0.031. Ledger: nothing.
No new entries there until both agree; exits and stops continue.""",
    ),
    "a halted user": (
        event("user.halted", reason="API key was rejected"),
        """\
⛔ Account anna halted
Reason: API key was rejected
No new entries; exits and stops continue.""",
    ),
    "a paused user": (
        event("user.paused", reason=""),
        "⏸ Account anna paused\nNo new entries; exits and stops continue.",
    ),
    "low disk space": (
        event("disk.low", None, reason="200 MB free, 500 MB wanted"),
        """\
💾 Disk space is low
200 MB free, 500 MB wanted
No new entries; exits and stops continue.""",
    ),
    "trading resumed": (
        event("trading.resumed", None, reason=None),
        "▶️ Trading resumed\nEntries are allowed again.",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_notice_has_exactly_this_text(case: str) -> None:
    """Readable numbers, the result first."""
    of, expected = CASES[case]
    assert rendered(of) == expected


def test_a_user_who_trades_manually_gets_the_complete_advice() -> None:
    """Entry, stop and targets with their distance, confidence, reason and expiry in local time."""
    skipped = event("decision.skipped", code="SIGNALS_ONLY", action="LONG", numbers={})
    assert (
        rendered(skipped, ADVICE)
        == """\
📈 Signal: LONG BTC/USDT perp
Entry: 61,234.5
Stop: 59,000 (-3.65 %)
Targets: 62,500 (+2.07 %), 64,000 (+4.52 %)
Strength: strong, confidence 80 %
Reason: EMA 9 crossed above EMA 21
Strategy: trend 5m, valid until 23:20"""
    )


def test_an_exit_is_advised_as_an_exit() -> None:
    """It must not be mistaken for an entry."""
    bare = replace(ADVICE, action=Action.EXIT_LONG, stop_loss=None, take_profits=(), reason="")
    skipped = event("decision.skipped", code="SIGNALS_ONLY", action="EXIT_LONG", numbers={})
    assert (
        rendered(skipped, bare)
        == """\
📈 Signal: exit LONG BTC/USDT perp
Price: 61,234.5
Strength: strong, confidence 80 %
Strategy: trend 5m, valid until 23:20"""
    )


@pytest.mark.parametrize(
    ("kind", "detail"),
    [
        ("signal.created", {"action": "LONG"}),
        ("execution.claimed", EXECUTED),
        ("execution.outcome_unknown", EXECUTED),
        ("execution.executed", EXECUTED | {"action": "EXIT_LONG"}),
        ("position.opened", {}),
        ("order.filled", {"leg": "entry"}),
        ("decision.accepted", {"code": "APPROVED", "action": "LONG"}),
    ],
)
def test_an_uncertain_or_redundant_event_has_no_notice(kind: str, detail: Any) -> None:
    """An intent, an unknown outcome, or a fact with another notice."""
    assert notice_kind(event(kind, **detail)) is None


def test_a_notice_about_a_market_in_small_coins_keeps_its_digits() -> None:
    """Amounts far below a cent are not rounded to zero."""
    tiny = event(
        "execution.executed",
        **EXECUTED | {"price": "0.00001234", "quantity": "1500000", "slippage_bps": None},
    )
    assert rendered(replace(tiny, symbol="PEPE/USDT")).splitlines()[:2] == [
        "✅ Filled: LONG PEPE/USDT",
        "1,500,000 PEPE at 0.00001234",
    ]


def test_every_kind_but_the_summary_has_a_template() -> None:
    """The cases above cover every kind of notice."""
    kinds = {notice_kind(of) for of, _ in CASES.values()} | {NoticeKind.SIGNAL, NoticeKind.SUMMARY}
    assert kinds == {*NoticeKind}
