"""What a key of Binance may do: one endpoint tells it for spot and futures."""

from signalbot.domain.errors import Unavailable
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.dialects.base import Api, KeyRights
from signalbot.exchange.live.lanes import Lane


async def binance_rights(api: Api, *, trading: str) -> KeyRights:
    """What a key of Binance may do; ``trading`` names the right to trade on this market."""
    try:
        found = await api.read("sapiGetAccountApiRestrictions", {}, lane=Lane.POLL)
    except Unavailable:
        return KeyRights()
    until_ms = found.get("tradingAuthorityExpirationTime")
    return KeyRights(
        may_trade=found.get(trading),
        may_withdraw=found.get("enableWithdrawals"),
        is_ip_bound=found.get("ipRestrict"),
        expires_at_ms=None if until_ms is None else Ms(int(until_ms)),
    )
