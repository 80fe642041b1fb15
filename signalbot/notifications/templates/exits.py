"""Texts about exits: target hit, partially closed, closed, closed without a stop."""

from collections.abc import Iterator
from decimal import Decimal

from signalbot.domain.money import HUNDRED
from signalbot.ledger.profit import settlement_currency
from signalbot.notifications.formatting import duration, market, money, percent, price, quantity
from signalbot.notifications.formatting import signed as signed_money
from signalbot.notifications.message import Message, NoticeContext, message, paper_suffix, verb

_CLOSE_REASONS = {
    "STOP_LOSS": "stop loss",
    "BREAK_EVEN": "stop at the entry price",
    "TRAILING_STOP": "trailing stop",
    "TAKE_PROFIT": "take profit",
    "EXIT_SIGNAL": "exit signal",
    "OPPOSITE_SIGNAL": "opposite signal",
    "MANUAL": "closed manually",
    "UNPROTECTED": "no stop could be placed in time",
    "LIQUIDATION": "liquidated by the exchange",
    "DELEVERAGING": "deleveraged by the exchange",
    "EXTERNAL": "closed outside signalbot",
}


def target_hit(context: NoticeContext) -> Message:
    """A take profit filled."""
    return Message(f"🎯 Target hit: {market(context.symbol)}", _exit_line(context))


def reduced(context: NoticeContext) -> Message:
    """An exit closed part of a position."""
    detail = context.detail
    side = f"{detail['position_side']} " if detail["position_side"] else ""
    lines = (_exit_line(context), f"Remaining: {quantity(detail['left'], context.symbol)}")
    suffix = paper_suffix(detail)
    return message(f"➗ Partially closed: {side}{market(context.symbol)}{suffix}", lines)


def closed(context: NoticeContext) -> Message:
    """A position is flat, with its result."""
    net, side = _net(context), context.detail["side"]
    mark = "🟢" if net > 0 else "🔴" if net < 0 else "⚪"
    gain = signed_money(net, settlement_currency(context.symbol))
    suffix = paper_suffix(context.detail)
    return message(
        f"{mark} Closed: {side} {market(context.symbol)} {gain}{suffix}", _result(context, net)
    )


def unprotected(context: NoticeContext) -> Message:
    """A position was closed because no stop could be placed."""
    side, suffix = context.detail["side"], paper_suffix(context.detail)
    return message(
        f"⚠️ Closed without a stop: {side} {market(context.symbol)}{suffix}",
        _result(context, _net(context)),
    )


def _exit_line(context: NoticeContext) -> str:
    detail = context.detail
    at = f" at {price(detail['price'])}" if detail["price"] else ""
    return f"{verb(detail, done=True)} {quantity(detail['quantity'], context.symbol)}{at}"


def _result(context: NoticeContext, net: Decimal) -> Iterator[str]:
    event, detail, symbol = context.event, context.detail, context.symbol
    currency, entry, size = settlement_currency(symbol), detail["entry_price"], detail["quantity"]
    reason = detail["close_reason"]
    yield f"Reason: {_CLOSE_REASONS.get(reason, reason)}"
    value = Decimal(entry) * Decimal(size)
    share = f" ({percent(net / value * HUNDRED)})" if value else ""
    yield f"Result: {signed_money(net, currency)}{share} after fees"
    if detail["exit_price"]:
        yield f"{quantity(size, symbol)}: {price(entry)} → {price(detail['exit_price'])}"
    costs = f"Fees: {money(detail['fees'], symbol)}"
    funding = Decimal(detail["funding"])
    yield f"{costs}, funding {signed_money(funding, currency)}" if funding else costs
    yield f"Held: {duration(event.at_ms - detail['opened_at_ms'])}, {event.strategy}"


def _net(context: NoticeContext) -> Decimal:
    detail = context.detail
    gross, fees, funding = (Decimal(detail[key]) for key in ("realized_pnl", "fees", "funding"))
    return gross - fees + funding
