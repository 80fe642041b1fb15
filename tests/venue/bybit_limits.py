"""Bybit's published limits: per account and endpoint in a rolling second, per address in five.

Source: "Rate Limit Rules" of its v5 documents (the table for UTA 2.0 Pro). Every signed answer
tells the limit, what is left of it, and when there is room again. An address that is over its 600
requests gets HTTP 403 for at least ten minutes.
"""

from tests.venue.http_wire import Answer, Call, told
from tests.venue.limits import Charge, Limits, Over

ADDRESS_LIMIT = 600
BAN_S = 600.0
_LINEAR = {
    "order/create": 10, "order/amend": 10, "order/cancel": 10, "order/cancel-all": 10,
    "order/create-batch": 10, "order/realtime": 50, "order/history": 50, "execution/list": 50,
    "position/list": 50, "position/closed-pnl": 50, "position/set-leverage": 10,
    "position/switch-mode": 10, "position/trading-stop": 10, "account/wallet-balance": 50,
    "account/transaction-log": 25, "account/fee-rate": 5, "account/info": 50,
    "account/set-margin-mode": 5, "user/query-api": 10,
}  # fmt: skip
_SPOT = {"order/create": 20, "order/cancel": 20, "order/cancel-all": 20, "order/create-batch": 20}


def charges(call: Call) -> list[Charge]:
    address = Charge(
        name="IP", who=call.address, limit=ADDRESS_LIMIT, window_s=5.0, rolling=True, bans_s=BAN_S
    )
    own = of_account(call)
    return [address] if own is None else [address, own]


def of_account(call: Call, cost: int = 1) -> Charge | None:
    """The endpoint's own limit; public ones have none."""
    name = call.path.removeprefix("/v5/")
    if name not in _LINEAR or not call.facts.key:
        return None
    asked = call.params if call.method == "GET" else call.json
    spot = isinstance(asked, dict) and asked.get("category") == "spot"
    limit = (_SPOT if spot else _LINEAR).get(name, _LINEAR[name])
    return Charge(
        name=call.path, who=call.facts.key, limit=limit, window_s=1.0, cost=cost, rolling=True
    )


def limited(over: Over, now_ms: int) -> Answer:
    if over.charge.name == "IP":
        page = b"403, access too frequent"
        return Answer(status=403, body=page, headers={"Content-Type": "text/plain"})
    body = {
        "retCode": 10_006, "retMsg": "Too many visits. Exceeded the API Rate Limit.", "result": {},
        "retExtInfo": {}, "time": now_ms,
    }  # fmt: skip
    return told(body)


def headers(call: Call, limits: Limits, now_s: float) -> dict[str, str]:
    charge = of_account(call, 0)
    if charge is None:
        return {}
    left = charge.limit - limits.used(charge, now_s)
    reset_s = now_s if left > 0 else now_s + limits.reset_s(charge, now_s)
    return {
        "X-Bapi-Limit": str(charge.limit), "X-Bapi-Limit-Status": str(max(0, left)),
        "X-Bapi-Limit-Reset-Timestamp": str(int(reset_s * 1_000)),
    }  # fmt: skip
