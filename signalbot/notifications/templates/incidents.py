"""Texts about what blocks entries or needs attention: halts, mismatches, outages, lost alerts."""

from signalbot.notifications.formatting import market, time_of_day
from signalbot.notifications.message import ALLOWED, BLOCKED, Message, NoticeContext, message
from signalbot.notifications.untrusted_text import sanitized


def halted(context: NoticeContext) -> Message:
    """Entries are blocked for a user, or for all users."""
    return message(f"⛔ {_subject(context)} halted", [*_reason(context), BLOCKED])


def paused(context: NoticeContext) -> Message:
    """A user's entries are paused."""
    return message(f"⏸ {_subject(context)} paused", [*_reason(context), BLOCKED])


def resumed(context: NoticeContext) -> Message:
    """Entries are allowed again for a user, or for all users."""
    return message(f"▶️ {_subject(context)} resumed", [*_reason(context), ALLOWED])


def _subject(context: NoticeContext) -> str:
    user_id = context.event.user_id
    return "Trading" if user_id is None else f"Account {user_id}"


def _reason(context: NoticeContext) -> list[str]:
    reason = context.detail.get("reason")
    return [f"Reason: {sanitized(str(reason))}"] if reason else []


def mismatch(context: NoticeContext) -> Message:
    """Ledger and exchange differ on a position."""
    lines = (
        f"Exchange: {context.detail['held']}. Ledger: {context.detail['ledger']}.",
        "No new entries there until both agree; exits and stops continue.",
    )
    return message(f"⚠️ Position mismatch: {market(context.symbol)}", lines)


def opposite_position(context: NoticeContext) -> Message:
    """Closing orders opened a position on the opposite side."""
    lines = (
        f"Closing orders opened {context.detail['side']} {context.detail['quantity']}.",
        "It is closed at market at once.",
    )
    return message(f"⚠️ Closed twice: {market(context.symbol)}", lines)


def disk_low(context: NoticeContext) -> Message:
    """The ledger's disk is low on space."""
    return message("💾 Disk space is low", (str(context.detail["reason"]), BLOCKED))


def disk_recovered(_context: NoticeContext) -> Message:
    """The ledger's disk has space again."""
    return Message("💾 Disk space recovered", ALLOWED)


def exchange_disconnected(context: NoticeContext) -> Message:
    """An exchange does not respond."""
    lines = (f"No response since {_since(context)}.", "Stops resting there stay active.")
    return message(f"🔌 {_route(context)} disconnected", lines)


def exchange_reconnected(context: NoticeContext) -> Message:
    """An exchange responds again."""
    return Message(f"🔌 {_route(context)} reconnected", f"Disconnected since {_since(context)}.")


def _route(context: NoticeContext) -> str:
    """The exchange, and the egress address if it is one of several."""
    exchange, egress = context.detail["exchange"], context.detail["egress"]
    return str(exchange) if egress == "direct" else f"{exchange} ({egress})"


def _since(context: NoticeContext) -> str:
    return time_of_day(context.detail["since_ms"], context.zone)


def alert_missed(context: NoticeContext) -> Message:
    """An alert was lost, and what to do about it."""
    event, detail = context.event, context.detail
    expected, now = detail["known"], detail["position"]
    lines = [
        f"Strategy: {event.strategy}",
        f"Expected {expected}, reported {detail['told']}; now {now}.",
    ]
    if expected in ("long", "short") and expected != now:
        send = f"signalbot send {event.strategy} {event.symbol} EXIT_{expected.upper()}"
        lines.append(f'To close remaining {expected}s: {send} (on_missed = "exit" sends it).')
    else:
        lines.append("No action needed: a late entry would not be safe.")
    return message(f"⚠️ Alert lost: {market(context.symbol)}", lines)


def heartbeat_missed(context: NoticeContext) -> Message:
    """A source sends no alerts."""
    last_alert = time_of_day(context.detail["heard_at_ms"], context.zone)
    return Message(f"⚠️ {context.event.strategy} missed its heartbeat", f"Last alert: {last_alert}.")


def source_recovered(context: NoticeContext) -> Message:
    """A source sends alerts again."""
    return Message(f"✅ {context.event.strategy} sends alerts again", "")
