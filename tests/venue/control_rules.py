"""Verbs of the control endpoint for the exchange's rules: limits, switches, funding, time, fees."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.venue.funding import EIGHT_HOURS_MS
from tests.venue.limits import HOME

if TYPE_CHECKING:
    from tests.venue.server import Venue

Body = dict[str, Any]
_LIMITS = (
    "on", "refuses", "quiet", "patience", "ban_first_s", "ban_factor", "ban_most_s",
)  # fmt: skip
_RATES = ("taker_fee", "maker_fee", "spot_taker_fee", "spot_maker_fee", "coin_fee_share")


def _switch(it: Venue, body: Body) -> Body:
    """Set the named switches; the answer is all of them."""
    for name, value in body.items():
        it.engine.switches.set(name, value)
    return asdict(it.engine.switches)


def _limits(it: Venue, body: Body) -> None:
    """Set ``on`` and the terms of bans; ``clear`` forgets what was used."""
    wanted = dict(body)
    if wanted.pop("clear", False):
        it.limits.clear()
    for name, value in wanted.items():
        if name not in _LIMITS:
            raise KeyError(f"{name} is no term of limits; there are {', '.join(_LIMITS)}")
        setattr(it.limits, name, value)


def _preload(it: Venue, body: Body) -> None:
    it.limits.preload(body["name"], int(body["used"]), body.get("who", HOME))


def _refused(it: Venue, body: Body) -> list[Body]:
    """The requests that limits have refused, from the ``since``-th on."""
    return [asdict(each) for each in it.limits.refused[body.get("since", 0) :]]


def _plan_funding(it: Venue, body: Body) -> None:
    """``rates`` by symbol, every ``every_ms`` of its clock; looked at every ``every_s`` seconds."""
    rates = {symbol: Decimal(rate) for symbol, rate in body["rates"].items()}
    it.engine.plan_funding(rates, every_ms=int(body.get("every_ms", EIGHT_HOURS_MS)))
    if body.get("every_s"):
        it.engine.run_funding(float(body["every_s"]))


def _pay_funding(it: Venue, body: Body) -> None:
    it.engine.pay_funding(body["symbol"], Decimal(body["rate"]))


def _fees(it: Venue, body: Body) -> None:
    """Fee rates of every account; ``coin_fee_share`` is what is left when BNB pays."""
    if unknown := body.keys() - set(_RATES):
        raise KeyError(f"{', '.join(sorted(unknown))}: no rate")
    rates: dict[str, Any] = {name: Decimal(rate) for name, rate in body.items()}
    it.engine.rules = replace(it.engine.rules, **rates)


def _pass_time(it: Venue, body: Body) -> int:
    """Let the exchange's clock go on; the answer is what it says then."""
    it.engine.pass_time(int(body["ms"]))
    return it.engine.now_ms()


def _age(it: Venue, body: Body) -> None:
    """Everything that has happened (to ``key``) happened ``ms`` earlier."""
    it.engine.age(int(body["ms"]), body.get("key", ""))


def _list_spot(it: Venue, _: Body) -> list[str]:
    it.list_spot()
    return list(it.engine.markets)


def _set_slippage(it: Venue, body: Body) -> None:
    it.engine.slippage[it.engine.market_of(body["symbol"]).id] = Decimal(body["fraction"])


def _expire_listen_key(it: Venue, body: Body) -> None:
    """The user stream of an account ends; its connection stays."""
    it.dialect.expire_stream(body["key"])


def _restart_service(it: Venue, _: Body) -> None:
    """Bybit: what has ended is in the history only from now on."""
    it.dialect.restart_service()


VERBS: dict[str, Callable[[Any, Body], Any]] = {
    "switch": _switch, "limits": _limits, "preload": _preload, "refused": _refused,
    "plan_funding": _plan_funding, "pay_funding": _pay_funding, "fees": _fees,
    "pass_time": _pass_time, "age": _age, "list_spot": _list_spot,
    "set_slippage": _set_slippage, "expire_listen_key": _expire_listen_key,
    "restart_service": _restart_service,
}  # fmt: skip
