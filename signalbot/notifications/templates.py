"""What a notice says: a headline and a few short lines. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.money import HUNDRED
from signalbot.domain.notices import NoticeKind
from signalbot.domain.positions import CloseReason
from signalbot.domain.signals import Action, Signal
from signalbot.ledger.journal import JournalEvent
from signalbot.ledger.profit import settlement_currency
from signalbot.notifications.formatting import duration as span_text
from signalbot.notifications.formatting import (
    market,
    money,
    percent,
    price,
    price_with_distance,
    quantity,
    signed,
    time_of_day,
)
from signalbot.notifications.untrusted_text import sanitized

_EXITS = {"EXIT_LONG": "LONG", "EXIT_SHORT": "SHORT"}
_FAILURES = {
    "REJECTED": "the exchange refused the order",
    "NOT_FILLED": "the order was not filled",
    "EXIT_FAILED": "the exit could not be carried out",
    "INTERRUPTED": "the daemon was stopped before the order was sent",
}

_KINDS: Mapping[str, NoticeKind] = {
    "decision.skipped": NoticeKind.REFUSED,
    "order.sent": NoticeKind.SENT,
    "execution.executed": NoticeKind.FILLED,
    "execution.partially_filled": NoticeKind.FILLED,
    "execution.failed": NoticeKind.FAILED,
    "position.protected": NoticeKind.PROTECTED,
    "position.target_hit": NoticeKind.TARGET_HIT,
    "position.reduced": NoticeKind.REDUCED,
    "position.closed": NoticeKind.CLOSED,
    "position.mismatch_found": NoticeKind.HALTED,
    "position.opposite_found": NoticeKind.HALTED,
    "user.resumed": NoticeKind.HALTED,
    "user.paused": NoticeKind.HALTED,
    "user.halted": NoticeKind.HALTED,
    "trading.halted": NoticeKind.HALTED,
    "trading.resumed": NoticeKind.HALTED,
    "disk.low": NoticeKind.PROBLEM,
    "disk.recovered": NoticeKind.PROBLEM,
    "exchange.disconnected": NoticeKind.PROBLEM,
    "exchange.reconnected": NoticeKind.PROBLEM,
    "alert.missed": NoticeKind.PROBLEM,
    "source.heartbeat_missed": NoticeKind.PROBLEM,
    "source.recovered": NoticeKind.PROBLEM,
}
"""Events that people are told of: states that are certain, never what is in doubt."""

_CLOSE_REASONS = {
    "STOP_LOSS": "stop loss",
    "BREAK_EVEN": "stop at the entry price",
    "TRAILING_STOP": "trailing stop",
    "TAKE_PROFIT": "take profit",
    "EXIT_SIGNAL": "exit signal",
    "OPPOSITE_SIGNAL": "opposite signal",
    "MANUAL": "closed by hand",
    "UNPROTECTED": "no stop could be placed in time",
    "LIQUIDATION": "liquidated by the exchange",
    "DELEVERAGING": "deleveraged by the exchange",
    "EXTERNAL": "closed outside signalbot",
}


@dataclass(frozen=True, slots=True)
class Message:
    """One notice in words; both without markup."""

    title: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeContext:
    """An event, and what a text about it needs beyond."""

    event: JournalEvent
    signal: Signal | None  #: the one it comes from, where there is one
    zone: ZoneInfo  #: of the times in the text


def notice_kind(event: JournalEvent) -> NoticeKind | None:
    """What an event is to people; None: nothing."""
    detail = event.detail
    kind = _KINDS.get(event.kind)
    if kind is NoticeKind.FILLED and detail["action"] in _EXITS:
        return None  # the close of the position says it better
    if kind is NoticeKind.REFUSED and detail["code"] == DecisionCode.SIGNALS_ONLY:
        return NoticeKind.SIGNAL
    if kind is NoticeKind.CLOSED and detail["close_reason"] == CloseReason.UNPROTECTED:
        return NoticeKind.UNPROTECTED
    return kind


def render_notice(kind: NoticeKind, context: NoticeContext) -> Message:
    """The words for an event that is a notice of ``kind``."""
    title, lines = _TEXTS[kind](context)
    return Message(title, "\n".join(lines))


def _signal(context: NoticeContext) -> tuple[str, Iterator[str]]:
    signal = context.signal
    assert signal is not None, "a decision always has its signal"  # noqa: S101 - a foreign key
    part = f"{price(signal.exit_percent)} % of " if signal.is_partial else ""
    action = _action_text(signal.action).replace("leave ", f"leave {part}")
    return f"📈 Signal: {action} {market(signal.symbol)}", _advice(context, signal)


def _advice(context: NoticeContext, signal: Signal) -> Iterator[str]:
    """The signal as the user's own rules make an order of it; else as it came."""
    numbers = context.event.detail["numbers"]
    entry = numbers.get("price") or signal.price
    stop = numbers.get("stop_loss") or signal.stop_loss
    if entry is not None:
        yield f"{'Price' if signal.action in _EXITS else 'Entry'}: {price(entry)}"
    if stop is not None:
        yield f"Stop: {price_with_distance(stop, entry)}"
    if targets := numbers.get("take_profits") or signal.take_profits:
        yield _targets(targets, entry)
    if numbers.get("quantity"):
        balance = money(numbers["equity"], signal.symbol)
        yield f"Size: {quantity(numbers['quantity'], signal.symbol)} for a balance of {balance}"
    strength = signal.strength.value.lower().replace("_", " ")
    yield f"Strength: {strength}, confidence {round(signal.confidence * 100)} %"
    if signal.reason:
        yield f"Why: {sanitized(signal.reason)}"
    if numbers.get("ai"):
        yield _opinion(numbers)
    timeframe = f" {signal.timeframe}" if signal.timeframe else ""
    until = time_of_day(signal.expires_at_ms, context.zone)
    yield f"From: {signal.strategy}{timeframe}, good until {until}"


def _opinion(numbers: Mapping[str, Any]) -> str:
    confidence = numbers.get("ai_confidence")
    sure = "" if confidence is None else f", confidence {round(confidence * 100)} %"
    opinion = sanitized(numbers.get("ai_says") or "no reason given")
    return f"AI: {sanitized(str(numbers['ai']))}{sure}: {opinion}"


def _sent(context: NoticeContext) -> tuple[str, Iterator[str]]:
    event, detail = context.event, context.event.detail
    at = f" at {price(detail['price'])}" if detail["price"] else ""
    lines = (
        f"{_verb(detail)} {quantity(detail['quantity'], _symbol(event))}{at}, {detail['type']}",
    )
    return f"📤 Order sent: {market(_symbol(event))}", iter(lines)


def _filled(context: NoticeContext) -> tuple[str, Iterator[str]]:
    event, detail = context.event, context.event.detail
    label = "Filled in part" if event.kind == "execution.partially_filled" else "Filled"
    title = f"✅ {label}: {detail['action']} {market(_symbol(event))}{_paper(detail)}"
    return title, _entry(event, detail)


def _entry(event: JournalEvent, detail: Mapping[str, Any]) -> Iterator[str]:
    symbol, requested, fill_price = _symbol(event), detail["quantity"], detail["price"]
    if requested and fill_price:
        yield f"{quantity(requested, symbol)} at {price(fill_price)}"
        leverage = f", leverage {detail['leverage']}x" if (detail["leverage"] or 1) > 1 else ""
        yield f"Worth: {money(Decimal(requested) * Decimal(fill_price), symbol)}{leverage}"
    if detail["slippage_bps"] is not None:
        yield f"Slippage: {price(detail['slippage_bps'])} bp"
    yield f"From: {event.strategy}"


def _protected(context: NoticeContext) -> tuple[str, Iterator[str]]:
    event, detail = context.event, context.event.detail
    title = f"🛡 Stop in place: {detail['side']} {market(_symbol(event))}{_paper(detail)}"
    return title, _levels(detail)


def _levels(detail: Mapping[str, Any]) -> Iterator[str]:
    entry = detail["entry_price"]
    if detail["stop_loss"]:
        yield f"Stop: {price_with_distance(detail['stop_loss'], entry)}"
    if detail["take_profits"]:
        yield _targets([each["price"] for each in detail["take_profits"]], entry)


def _target_hit(context: NoticeContext) -> tuple[str, Iterator[str]]:
    event, detail = context.event, context.event.detail
    at = f" at {price(detail['price'])}" if detail["price"] else ""
    line = f"{_verb(detail, done=True)} {quantity(detail['quantity'], _symbol(event))}{at}"
    return f"🎯 Target hit: {market(_symbol(event))}", iter((line,))


def _reduced(context: NoticeContext) -> tuple[str, Iterator[str]]:
    event, detail = context.event, context.event.detail
    symbol = _symbol(event)
    at = f" at {price(detail['price'])}" if detail["price"] else ""
    lines = (
        f"{_verb(detail, done=True)} {quantity(detail['quantity'], symbol)}{at}",
        f"Left: {quantity(detail['left'], symbol)}",
    )
    side = f"{detail['position_side']} " if detail["position_side"] else ""
    return f"➗ Closed in part: {side}{market(symbol)}{_paper(detail)}", iter(lines)


def _closed(context: NoticeContext) -> tuple[str, Iterator[str]]:
    event, detail = context.event, context.event.detail
    net = _net(detail)
    mark = "🟢" if net > 0 else "🔴" if net < 0 else "⚪"
    gain = signed(net, settlement_currency(_symbol(event)))
    title = f"{mark} Closed: {detail['side']} {market(_symbol(event))} {gain}{_paper(detail)}"
    return title, _result(event, detail, net)


def _unprotected(context: NoticeContext) -> tuple[str, Iterator[str]]:
    event, detail = context.event, context.event.detail
    title = (
        f"⚠️ Closed for lack of a stop: {detail['side']} {market(_symbol(event))}{_paper(detail)}"
    )
    return title, _result(event, detail, _net(detail))


def _result(event: JournalEvent, detail: Mapping[str, Any], net: Decimal) -> Iterator[str]:
    symbol = _symbol(event)
    currency, entry, size = settlement_currency(symbol), detail["entry_price"], detail["quantity"]
    reason = detail["close_reason"]
    yield f"Because: {_CLOSE_REASONS.get(reason, reason)}"
    worth = Decimal(entry) * Decimal(size)
    share = f" ({percent(net / worth * HUNDRED)})" if worth else ""
    yield f"Result: {signed(net, currency)}{share} after fees"
    if detail["exit_price"]:
        yield f"{quantity(size, symbol)}: {price(entry)} → {price(detail['exit_price'])}"
    costs = f"Fees: {money(detail['fees'], symbol)}"
    funding = Decimal(detail["funding"])
    yield f"{costs}, funding {signed(funding, currency)}" if funding else costs
    yield f"Held: {span_text(event.at_ms - detail['opened_at_ms'])}, {event.strategy}"


def _skipped(context: NoticeContext) -> tuple[str, Iterator[str]]:
    event, detail = context.event, context.event.detail
    action = _action_text(Action(detail["action"]))
    return f"🚫 Not taken: {action} {market(_symbol(event))}", _skip_reason(event, detail)


def _skip_reason(event: JournalEvent, detail: Mapping[str, Any]) -> Iterator[str]:
    code = detail["code"]
    yield f"{code}: {DecisionCode[code].cause}" if code in DecisionCode.__members__ else code
    numbers = detail["numbers"]
    pairs = [
        f"{key}={value}" for key, value in numbers.items() if not isinstance(value, dict | list)
    ]
    if pairs:
        yield sanitized(", ".join(pairs))
    yield f"From: {event.strategy}"


def _missed_alert(context: NoticeContext) -> tuple[str, Iterator[str]]:
    event, detail = context.event, context.event.detail
    expected, now = detail["known"], detail["position"]
    lines = [f"From: {event.strategy}", f"Thought {expected}, was {detail['told']}, is {now} now."]
    if expected in ("long", "short") and expected != now:
        send = f"signalbot send {event.strategy} {event.symbol} EXIT_{expected.upper()}"
        lines.append(f'Whoever is still {expected}: {send}, unless on_missed = "exit" has sent it.')
    else:
        lines.append("Nothing to do: entering late would not be safe.")
    return f"⚠️ Alert lost: {market(_symbol(event))}", iter(lines)


def _failed(context: NoticeContext) -> tuple[str, Iterator[str]]:
    event, detail = context.event, context.event.detail
    code, details = detail["failure_reason"], detail["error_details"]
    reason = ": ".join(filter(None, (_FAILURES.get(code, code), details))) or "nobody knows why"
    lines = (
        "Nothing was opened."
        if detail["action"] not in _EXITS
        else "The exit was not carried out.",
        f"Because: {sanitized(reason)}",
        f"From: {event.strategy}",
    )
    action = _action_text(Action(detail["action"]))
    return f"❌ Failed: {action} {market(_symbol(event))}{_paper(detail)}", iter(lines)


def _halted(context: NoticeContext) -> tuple[str, Iterator[str]]:
    event = context.event
    if event.kind == "position.mismatch_found":
        return _mismatch(event)
    if event.kind == "position.opposite_found":
        return _opposite(event)
    subject = "Trading" if event.user_id is None else f"Account {event.user_id}"
    reason = event.detail.get("reason")
    because = [f"Because: {sanitized(str(reason))}"] if reason else []
    if event.kind in ("user.resumed", "trading.resumed"):
        return f"▶️ {subject} resumed", iter([*because, "Entries are allowed again."])
    label = (
        "⏸ " + subject + " paused" if event.kind == "user.paused" else "⛔ " + subject + " halted"
    )
    return label, iter([*because, "No new entries; exits and stops go on."])


def _mismatch(event: JournalEvent) -> tuple[str, Iterator[str]]:
    lines = (
        f"The exchange holds {event.detail['held']}, signalbot knows of {event.detail['ledger']}.",
        "No new entries there until both agree; exits and stops go on.",
    )
    return f"⚠️ {market(_symbol(event))} differs", iter(lines)


def _opposite(event: JournalEvent) -> tuple[str, Iterator[str]]:
    lines = (
        f"Closing orders have opened {event.detail['side']} {event.detail['quantity']}.",
        "It is closed at market at once.",
    )
    return f"⚠️ {market(_symbol(event))} was closed twice", iter(lines)


def _trouble(context: NoticeContext) -> tuple[str, Iterator[str]]:
    event, detail = context.event, context.event.detail
    match event.kind:
        case "disk.low":
            lines = (str(detail["reason"]), "No new entries; exits and stops go on.")
            return "💾 The disk is filling up", iter(lines)
        case "disk.recovered":
            return "💾 The disk has room again", iter(("Entries are allowed again.",))
        case "exchange.disconnected" | "exchange.reconnected":
            return _exchange_outage(context)
        case "alert.missed":
            return _missed_alert(context)
        case "source.heartbeat_missed":
            last_alert = time_of_day(detail["heard_at_ms"], context.zone)
            return f"⚠️ {event.strategy} is silent", iter([f"Nothing came since {last_alert}."])
        case _:
            return f"✅ {event.strategy} is heard again", iter(())


def _exchange_outage(context: NoticeContext) -> tuple[str, Iterator[str]]:
    """Names the exchange, and the address that cannot reach it if it is one of several."""
    detail, since = (
        context.event.detail,
        time_of_day(context.event.detail["since_ms"], context.zone),
    )
    egress = detail["egress"]
    name = detail["exchange"] if egress == "direct" else f"{detail['exchange']} ({egress})"
    if context.event.kind == "exchange.reconnected":
        return f"🔌 {name} answers again", iter([f"It was away since {since}."])
    lines = (f"Nothing there answers since {since}.", "Stops that rest there stay.")
    return f"🔌 {name} is away", iter(lines)


_TEXTS: Mapping[NoticeKind, Callable[[NoticeContext], tuple[str, Iterator[str]]]] = {
    NoticeKind.SIGNAL: _signal,
    NoticeKind.SENT: _sent,
    NoticeKind.FILLED: _filled,
    NoticeKind.PROTECTED: _protected,
    NoticeKind.TARGET_HIT: _target_hit,
    NoticeKind.REDUCED: _reduced,
    NoticeKind.CLOSED: _closed,
    NoticeKind.UNPROTECTED: _unprotected,
    NoticeKind.REFUSED: _skipped,
    NoticeKind.FAILED: _failed,
    NoticeKind.HALTED: _halted,
    NoticeKind.PROBLEM: _trouble,
}


def _symbol(event: JournalEvent) -> str:
    return event.symbol or ""


def _action_text(action: Action) -> str:
    """``LONG`` to enter, ``leave LONG`` to exit."""
    return f"leave {_EXITS[action]}" if action in _EXITS else action.value


def _verb(detail: Mapping[str, Any], *, done: bool = False) -> str:
    labels = ("Bought", "Sold") if done else ("Buy", "Sell")
    return labels[detail["side"] == "sell"]


def _paper(detail: Mapping[str, Any]) -> str:
    return " (paper)" if detail.get("mode") == "paper" else ""


def _net(detail: Mapping[str, Any]) -> Decimal:
    gross, fees, funding = (Decimal(detail[key]) for key in ("realized_pnl", "fees", "funding"))
    return gross - fees + funding


def _targets(prices: Any, entry: str | Decimal | None) -> str:
    label = "Target" if len(prices) == 1 else "Targets"
    return f"{label}: {', '.join(price_with_distance(each, entry) for each in prices)}"
