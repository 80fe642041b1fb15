"""What a key of Binance may do: one endpoint tells it for spot and futures."""

from signalbot.domain.errors import Unavailable
from signalbot.domain.timeframe import Ms
from signalbot.exchange.live.adapters.base import KeyPermissions
from signalbot.exchange.live.transport.exchange_api import ExchangeApi
from signalbot.exchange.live.transport.priority import RequestPriority


async def binance_key_permissions(api: ExchangeApi, *, trading: str) -> KeyPermissions:
    """What a key of Binance may do; ``trading`` names the right to trade on this market."""
    try:
        found = await api.read("sapiGetAccountApiRestrictions", {}, priority=RequestPriority.POLL)
    except Unavailable:
        return KeyPermissions()
    until_ms = found.get("tradingAuthorityExpirationTime")
    return KeyPermissions(
        may_trade=found.get(trading),
        may_withdraw=found.get("enableWithdrawals"),
        is_ip_bound=found.get("ipRestrict"),
        expires_at_ms=None if until_ms is None else Ms(int(until_ms)),
    )
