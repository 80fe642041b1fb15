"""Texts about signals and entries: signal, order sent, filled, protected, skipped, failed."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.events import EventKind
from signalbot.domain.signals import Action, Signal
from signalbot.notifications.formatting import (
    market,
    money,
    price,
    price_with_distance,
    quantity,
    time_of_day,
)
from signalbot.notifications.message import (
    EXITS,
    Message,
    NoticeContext,
    action_text,
    message,
    paper_suffix,
    targets_line,
    verb,
)
from signalbot.notifications.untrusted_text import sanitized

_FAILURES = {
    "REJECTED": "the exchange rejected the order",
    "NOT_FILLED": "the order was not filled",
    "EXIT_FAILED": "the exit failed",
    "INTERRUPTED": "the daemon stopped before the order was sent",
}


def signal(context: NoticeContext) -> Message:
    """A signal for a user who trades manually, with entry, stop, targets and size."""
    of = context.signal
    assert of is not None, "a decision always has its signal"  # noqa: S101 - a foreign key
    part = f"{price(of.exit_percent)} % of " if of.is_partial else ""
    action = action_text(of.action).replace("exit ", f"exit {part}")
    return message(f"📈 Signal: {action} {market(of.symbol)}", _advice(context, of))


def _advice(context: NoticeContext, of: Signal) -> Iterator[str]:
    """The order that the user's own rules would place; without one, the signal's values."""
    numbers = context.detail["numbers"]
    entry = numbers.get("price") or of.price
    stop = numbers.get("stop_loss") or of.stop_loss
    if entry is not None:
        yield f"{'Price' if of.action in EXITS else 'Entry'}: {price(entry)}"
    if stop is not None:
        yield f"Stop: {price_with_distance(stop, entry)}"
    if targets := numbers.get("take_profits") or of.take_profits:
        yield targets_line(targets, entry)
    if numbers.get("quantity"):
        balance = money(numbers["equity"], of.symbol)
        yield f"Size: {quantity(numbers['quantity'], of.symbol)} for a balance of {balance}"
    strength = of.strength.value.lower().replace("_", " ")
    yield f"Strength: {strength}, confidence {round(of.confidence * 100)} %"
    if of.reason:
        yield f"Reason: {sanitized(of.reason)}"
    if numbers.get("ai"):
        yield _ai_line(numbers)
    timeframe = f" {of.timeframe}" if of.timeframe else ""
    until = time_of_day(of.expires_at_ms, context.zone)
    yield f"Strategy: {of.strategy}{timeframe}, valid until {until}"


def _ai_line(numbers: Mapping[str, Any]) -> str:
    confidence = numbers.get("ai_confidence")
    sure = "" if confidence is None else f", confidence {round(confidence * 100)} %"
    opinion = sanitized(numbers.get("ai_says") or "no reason given")
    return f"AI: {sanitized(str(numbers['ai']))}{sure}: {opinion}"


def order_sent(context: NoticeContext) -> Message:
    """The exchange acknowledged an entry order that is not filled yet."""
    detail, symbol = context.detail, context.symbol
    at = f" at {price(detail['price'])}" if detail["price"] else ""
    line = f"{verb(detail)} {quantity(detail['quantity'], symbol)}{at}, {detail['type']}"
    return Message(f"📤 Order sent: {market(symbol)}", line)


def filled(context: NoticeContext) -> Message:
    """An entry filled, completely or partially."""
    is_partial = context.event.kind == EventKind.EXECUTION_PARTIALLY_FILLED
    label = "Partially filled" if is_partial else "Filled"
    action, suffix = context.detail["action"], paper_suffix(context.detail)
    return message(f"✅ {label}: {action} {market(context.symbol)}{suffix}", _fill(context))


def _fill(context: NoticeContext) -> Iterator[str]:
    symbol, detail = context.symbol, context.detail
    size, fill_price = detail["quantity"], detail["price"]
    if size and fill_price:
        yield f"{quantity(size, symbol)} at {price(fill_price)}"
        leverage = f", leverage {detail['leverage']}x" if (detail["leverage"] or 1) > 1 else ""
        yield f"Value: {money(Decimal(size) * Decimal(fill_price), symbol)}{leverage}"
    if detail["slippage_bps"] is not None:
        yield f"Slippage: {price(detail['slippage_bps'])} bp"
    yield f"Strategy: {context.event.strategy}"


def protected(context: NoticeContext) -> Message:
    """A position's stop rests at the exchange."""
    side, suffix = context.detail["side"], paper_suffix(context.detail)
    return message(f"🛡 Stop placed: {side} {market(context.symbol)}{suffix}", _levels(context))


def _levels(context: NoticeContext) -> Iterator[str]:
    detail = context.detail
    entry = detail["entry_price"]
    if detail["stop_loss"]:
        yield f"Stop: {price_with_distance(detail['stop_loss'], entry)}"
    if detail["take_profits"]:
        yield targets_line([each["price"] for each in detail["take_profits"]], entry)


def skipped(context: NoticeContext) -> Message:
    """A user's rules skipped a signal."""
    action = action_text(Action(context.detail["action"]))
    return message(f"🚫 Skipped: {action} {market(context.symbol)}", _skip_reason(context))


def _skip_reason(context: NoticeContext) -> Iterator[str]:
    code, numbers = context.detail["code"], context.detail["numbers"]
    yield f"{code}: {DecisionCode[code].cause}" if code in DecisionCode.__members__ else code
    pairs = [
        f"{key}={value}" for key, value in numbers.items() if not isinstance(value, dict | list)
    ]
    if pairs:
        yield sanitized(", ".join(pairs))
    yield f"Strategy: {context.event.strategy}"


def failed(context: NoticeContext) -> Message:
    """A claimed entry or exit failed."""
    detail = context.detail
    code, details = detail["failure_reason"], detail["error_details"]
    reason = ": ".join(filter(None, (_FAILURES.get(code, code), details))) or "unknown"
    is_exit = detail["action"] in EXITS
    lines = (
        "The exit was not executed." if is_exit else "No position was opened.",
        f"Reason: {sanitized(reason)}",
        f"Strategy: {context.event.strategy}",
    )
    action = action_text(Action(detail["action"]))
    return message(f"❌ Failed: {action} {market(context.symbol)}{paper_suffix(detail)}", lines)
