"""Verbs of the control endpoint for what owners, other programs and the exchange itself do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.venue.model import (
    Account,
    Kind,
    MarginMode,
    Order,
    PositionSide,
    Side,
    Ticket,
    TriggerBy,
)

if TYPE_CHECKING:
    from tests.venue.server import Venue

Body = dict[str, Any]
_TICKET: dict[str, Callable[[Any], Any]] = {
    "side": Side, "kind": Kind, "position_side": PositionSide, "trigger_by": TriggerBy,
    **dict.fromkeys(("quantity", "price", "trigger", "quote_quantity"), Decimal),
}  # fmt: skip


def shown(order: Order) -> Body:
    ask = order.ask
    return {
        "id": order.id, "client_id": ask.client_id, "symbol": ask.symbol, "side": ask.side,
        "kind": ask.kind, "quantity": ask.quantity, "filled": order.filled,
        "average": order.average, "price": ask.price, "trigger": ask.trigger,
        "reduce_only": ask.reduce_only, "status": order.status, "origin": ask.origin,
        "created_ms": order.created_ms, "updated_ms": order.updated_ms,
        "position_side": ask.position_side, "parent_id": order.parent_id,
        "child_id": order.child_id, "why": order.why,
    }  # fmt: skip


def account_of(it: Venue, body: Body) -> Account:
    return it.engine.accounts[body["key"]]


def _ticket(it: Venue, body: Body) -> Ticket:
    """A ticket's fields but the key; what a spot market trades is spot."""
    known = {each.name for each in fields(Ticket)}
    wanted = {name: value for name, value in body.items() if name != "key"}
    if unknown := wanted.keys() - known:
        raise KeyError(f"{', '.join(sorted(unknown))}: not a field of an order")
    told = {name: _TICKET.get(name, _same)(value) for name, value in wanted.items()}
    market = it.engine.market_of(body["symbol"])
    return Ticket(**{"client_id": "", "is_spot": market.is_spot, **told})


def _same(value: Any) -> Any:
    return value


def _number(body: Body, name: str) -> Decimal | None:
    return None if body.get(name) is None else Decimal(body[name])


def _side(body: Body) -> PositionSide:
    return PositionSide(body.get("side", "both"))


def _place_foreign(it: Venue, body: Body) -> Body:
    return shown(it.engine.place_foreign(body["key"], _ticket(it, body)))


def _place_other(it: Venue, body: Body) -> Body:
    return shown(it.engine.place_other(body["key"], _ticket(it, body)))


def _close_by_hand(it: Venue, body: Body) -> Body:
    quantity = _number(body, "quantity")
    order = it.engine.close_by_hand(body["key"], body["symbol"], quantity, side=_side(body))
    return shown(order)


def _sell_by_hand(it: Venue, body: Body) -> Body:
    return shown(it.engine.sell_by_hand(body["key"], body["symbol"], Decimal(body["quantity"])))


def _cancel_by_hand(it: Venue, body: Body) -> Body:
    return shown(it.engine.cancel_by_hand(body["key"], int(body["order_id"])))


def _amend_by_hand(it: Venue, body: Body) -> Body:
    changes = {name: Decimal(body[name]) for name in ("quantity", "price", "trigger")
               if name in body}  # fmt: skip
    return shown(it.engine.amend_by_hand(body["key"], int(body["order_id"]), **changes))


def _set_leverage(it: Venue, body: Body) -> None:
    it.engine.set_leverage(account_of(it, body), body["symbol"], int(body["leverage"]))


def _set_margin_mode(it: Venue, body: Body) -> None:
    mode = MarginMode(body["mode"])
    it.engine.set_margin_mode(account_of(it, body), body["symbol"], mode)


def _set_position_mode(it: Venue, body: Body) -> None:
    symbol = body.get("symbol", "")
    it.engine.set_position_mode(account_of(it, body), hedged=bool(body["hedged"]), symbol=symbol)


def _set_multi_assets(it: Venue, body: Body) -> None:
    it.engine.set_multi_assets(account_of(it, body), multi=bool(body["multi"]))


def _transfer(it: Venue, body: Body) -> None:
    amount, coin = Decimal(body["amount"]), body.get("coin", "")
    it.engine.credit(account_of(it, body), amount, "TRANSFER", coin=coin)


def _liquidate(it: Venue, body: Body) -> Body:
    price = _number(body, "price")
    return shown(it.engine.liquidate(body["key"], body["symbol"], price=price))


def _deleverage(it: Venue, body: Body) -> Body:
    quantity, price = _number(body, "quantity"), _number(body, "price")
    order = it.engine.deleverage(
        body["key"], body["symbol"], quantity, price=price, side=_side(body)
    )
    return shown(order)


def _fill(it: Venue, body: Body) -> Body:
    """Let an open order trade, all or a part of it."""
    order = account_of(it, body).orders[int(body["order_id"])]
    it.engine.fill(order, _number(body, "quantity"), price=_number(body, "price"))
    return shown(order)


def _balances(it: Venue, body: Body) -> Body:
    """All, and what is locked, of every coin of an account."""
    account = account_of(it, body)
    coins = {coin: account.balance(coin) for coin in (account.currency, *account.coins)}
    return {
        coin: {"balance": held, "locked": it.engine.locked(account, coin)}
        for coin, held in coins.items()
    }


VERBS: dict[str, Callable[[Any, Body], Any]] = {
    "place_foreign": _place_foreign, "place_other": _place_other,
    "close_by_hand": _close_by_hand, "sell_by_hand": _sell_by_hand,
    "cancel_by_hand": _cancel_by_hand, "amend_by_hand": _amend_by_hand,
    "set_leverage": _set_leverage, "set_margin_mode": _set_margin_mode,
    "set_position_mode": _set_position_mode, "set_multi_assets": _set_multi_assets,
    "transfer": _transfer, "liquidate": _liquidate, "deleverage": _deleverage, "fill": _fill,
    "balances": _balances,
}  # fmt: skip
