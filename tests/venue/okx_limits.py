"""OKX's published limits, in two seconds: by user, by user and instrument, or by address.

Source: the "Rate Limit" and "Rate limit rule" of every endpoint of its v5 documents, and
"Sub-account rate limit": 1,000 new and amended orders in two seconds and account, code 50061, spot
exempted. Of the limits themselves nothing is told with answers.
"""

from typing import Any

from tests.venue.http_wire import Answer, Call, told
from tests.venue.limits import Charge, Limits, Over

SUB_ACCOUNT = "sub-account"
ORDERS_IN_TWO_S = 1_000
_BY_INSTRUMENT = {
    "trade/order": 60, "trade/cancel-order": 60, "trade/amend-order": 60,
    "trade/close-position": 20, "trade/order-algo": 20, "trade/cancel-algos": 20,
    "trade/amend-algos": 20,
}  # fmt: skip
_BY_USER = {
    "account/balance": 10, "account/positions": 10, "account/bills": 10,
    "account/bills-archive": 5, "account/config": 5, "account/set-position-mode": 5,
    "account/set-leverage": 20, "account/leverage-info": 20, "account/trade-fee": 5,
    "account/max-size": 20, "account/position/margin-balance": 20, "trade/orders-pending": 60,
    "trade/orders-history": 40, "trade/orders-history-archive": 20, "trade/fills": 60,
    "trade/fills-history": 10, "trade/orders-algo-pending": 20, "trade/orders-algo-history": 20,
}  # fmt: skip
_BY_ADDRESS = {
    "public/time": 10, "public/instruments": 20, "public/mark-price": 10, "market/ticker": 20,
    "market/tickers": 20, "market/candles": 40, "market/history-candles": 20,
    "public/funding-rate": 10,
}  # fmt: skip
_COUNTED = ("trade/order", "trade/amend-order")


def charges(call: Call) -> list[Charge]:
    name, asked = call.path.removeprefix("/api/v5/"), _asked(call)
    instrument = str(asked.get("instId", ""))
    if name == "trade/order-algo" and call.method == "GET":
        return [_charge(f"GET {name}", call.facts.key, 20)]
    if name in _BY_INSTRUMENT:
        who = f"{call.facts.key} {instrument}"
        found = [_charge(f"{call.method} {name}", who, _BY_INSTRUMENT[name])]
        is_spot = not instrument.endswith("-SWAP")
        if call.method == "POST" and name in _COUNTED and not is_spot:
            found.append(_charge(SUB_ACCOUNT, call.facts.key, ORDERS_IN_TWO_S))
        return found
    if name in _BY_USER:
        return [_charge(f"{call.method} {name}", call.facts.key, _BY_USER[name])]
    if name in _BY_ADDRESS:
        return [_charge(name, call.address, _BY_ADDRESS[name])]
    return []


def limited(over: Over, limits: Limits) -> Answer:
    """50061 for the account's orders; 50011 with 429, or as documented too with 200."""
    if over.charge.name == SUB_ACCOUNT:
        text = "You've reached the maximum order rate limit for this account."
        return told({"code": "50061", "msg": text, "data": []})
    if limits.quiet:
        text = (
            "Rate limit reached. Please refer to API documentation and throttle requests "
            "accordingly."
        )
        return told({"code": "50011", "msg": text, "data": []})
    return told({"code": "50011", "msg": "Too Many Requests", "data": []}, 429)


def _charge(name: str, who: str, limit: int) -> Charge:
    return Charge(name=name, who=who, limit=limit, window_s=2.0, rolling=True)


def _asked(call: Call) -> dict[str, Any]:
    if call.method == "GET":
        return dict(call.params)
    body = call.json
    first = body[0] if isinstance(body, list) and body else body
    return first if isinstance(first, dict) else {}
