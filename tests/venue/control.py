"""Scripting the exchange from another process: ``POST /_venue/VERB`` with a JSON object.

Every answer is JSON: ``{"ok": ...}``, or status 400 and ``{"error": "what was wrong"}``. Numbers
of money are text. The verbs are the functions in ``VERBS``; their arguments are the object's
fields:

    curl -d '{"symbol": "BTCUSDT", "price": "50100"}' http://127.0.0.1:8900/_venue/set_price
    curl -d '{"leg": "entry", "does": [{"kind": "hide", "seconds": 20}, {"kind": "hang"}]}' \
        http://127.0.0.1:8900/_venue/fault
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson
from aiohttp import web

from tests.venue import control_actions, control_rules, faults
from tests.venue.control_actions import account_of, shown
from tests.venue.corrupt_responses import Junk
from tests.venue.http_wire import Trouble, dump
from tests.venue.matching import Fills
from tests.venue.model import Reason
from tests.venue.streams import Slip, StreamRule

if TYPE_CHECKING:
    from tests.venue.server import Venue

Body = dict[str, Any]
_MONEY = ("wallet",)
_COINS = ("coins",)
FLAGS = (
    "is_revoked", "can_trade", "can_withdraw", "is_ip_bound", "is_hedged", "is_multi_asset",
    "keeps_leverage", "loses_attached", "pays_fees_in",
)  # fmt: skip
_ACTIONS: dict[str, type[Any]] = {
    kind.__name__.lower(): kind
    for kind in (
        faults.Hang, faults.Drop, faults.Reply, faults.Cut, faults.Delay, faults.Hide,
        faults.Unlist, faults.Refuse, faults.Ban, faults.Postpone, faults.Spoil, faults.Stale,
        faults.Thin, faults.RepeatPage,
    )
}  # fmt: skip


async def obey(it: Venue, request: web.BaseRequest) -> web.Response:
    """Carry out one verb."""
    verb = VERBS.get(request.path.rsplit("/", 1)[-1])
    try:
        if verb is None:
            raise ValueError(f"no such verb; there are {', '.join(sorted(VERBS))}")  # noqa: TRY301
        said = await request.read()
        answer, status = {"ok": verb(it, orjson.loads(said) if said else {})}, 200
    except (ValueError, KeyError, TypeError, ArithmeticError) as e:
        answer, status = {"error": f"{type(e).__name__}: {e}"}, 400
    return web.Response(status=status, body=dump(answer), content_type="application/json")


def _set_price(it: Venue, body: Body) -> None:
    mark = body.get("mark")
    it.engine.set_price(
        body["symbol"], Decimal(body["price"]), mark=None if mark is None else Decimal(mark)
    )


def _push_candle(it: Venue, body: Body) -> None:
    o, h, l, c = (Decimal(body[each]) for each in ("open", "high", "low", "close"))  # noqa: E741
    it.engine.push_candle(
        body["symbol"], body["timeframe"], body["open_ms"], o, h, l, c,
        Decimal(body.get("volume", 10)), closed=body.get("closed", True),
        keep=body.get("keep", True), tell=body.get("tell", True),
    )  # fmt: skip


def _add_account(it: Venue, body: Body) -> Body:
    fields = {name: _of_account(name, value) for name, value in body.items() if name != "key"}
    account = it.add_account(body["key"], **fields)
    return {"key": account.key, "secret": account.secret, "password": account.password}


def _of_account(name: str, value: Any) -> Any:
    """A field of an account; amounts are text."""
    if name in _COINS:
        return {coin: Decimal(held) for coin, held in value.items()}
    return Decimal(value) if name in _MONEY else value


def _change_account(it: Venue, body: Body) -> None:
    account = account_of(it, body)
    for name in body.keys() - {"key"}:
        if name not in (*FLAGS, *_COINS):
            raise KeyError(f"{name} is not a flag of an account")
        setattr(account, name, _of_account(name, body[name]))


def _fault(it: Venue, body: Body) -> None:
    does = tuple(_action(dict(each)) for each in body.pop("does"))
    it.faults.add(faults.Rule(does=does, **body))


def _action(body: Body) -> Any:
    kind = _ACTIONS[body.pop("kind")]
    if "why" in body:
        names: dict[str, Reason | Trouble] = {**Reason.__members__, **Trouble.__members__}
        body["why"] = names[body["why"]]
    if "how" in body:
        body["how"] = tuple(Junk(each) for each in body["how"])
    if "headers" in body:
        body["headers"] = tuple(body["headers"].items())
    return kind(**body)


def _stream_fault(it: Venue, body: Body) -> None:
    it.streams.add(StreamRule(does=Slip(body.pop("does")), **body))


def _clear(it: Venue, _: Body) -> None:
    it.faults.clear()
    it.streams.clear()


def _plan_fills(it: Venue, body: Body) -> None:
    shares = [Decimal(each) for each in body.pop("shares", [])]
    it.engine.plan_fills(Fills(shares=shares, **body))


def _set_clock(it: Venue, body: Body) -> None:
    it.engine.clock_offset_ms = int(body["offset_ms"])


def _book(it: Venue, body: Body) -> list[Body]:
    """The journal: of one account when ``key`` is given, from line ``since`` on."""
    lines = it.engine.journal.lines[body.get("since", 0) :]
    return [asdict(line) for line in lines if body.get("key", line.key) == line.key]


def _counts(it: Venue, _: Body) -> Body:
    calls = [
        {"method": method, "path": path, "key": key, "times": times}
        for (method, path, key), times in it.counts.calls.items()
    ]
    return {
        "calls": calls, "addresses": it.counts.addresses, "connects": it.counts.connects,
        "violations": [asdict(each) for each in it.faults.violations],
    }  # fmt: skip


def _positions(it: Venue, body: Body) -> dict[str, dict[str, Decimal]]:
    """Everything held, by account and symbol."""
    return {
        key: {place: each.quantity for place, each in account.positions.items() if each.quantity}
        for key, account in it.engine.accounts.items()
        if body.get("key", key) == key
    }


def _orders(it: Venue, body: Body) -> list[Body]:
    orders = account_of(it, body).orders.values()
    return [shown(order) for order in orders if order.is_open or not body.get("open")]


def _unprotected(it: Venue, body: Body) -> float:
    return it.engine.journal.unprotected_s(body["key"])


def _hang_up(it: Venue, body: Body) -> int:
    return it.hang_up(key=body.get("key", ""), topic=body.get("topic", ""))


def _release(it: Venue, _: Body) -> None:
    it.streams.release()


VERBS: dict[str, Callable[[Any, Body], Any]] = {
    "set_price": _set_price, "push_candle": _push_candle, "add_account": _add_account,
    "change_account": _change_account, "fault": _fault, "stream_fault": _stream_fault,
    "clear": _clear, "plan_fills": _plan_fills, "set_clock": _set_clock, "book": _book,
    "counts": _counts, "positions": _positions, "orders": _orders, "unprotected": _unprotected,
    "hang_up": _hang_up, "release": _release, **control_actions.VERBS, **control_rules.VERBS,
}  # fmt: skip
