"""Two markets of one pair have one id at some exchanges: the socket tells whose frame it is."""

import ccxt.pro
import pytest

from signalbot.exchange.live.transport.ccxt_internals import market_kind_of


@pytest.mark.parametrize(
    ("exchange", "url", "kind"),
    [
        ("binance", "wss://stream.binance.com:9443/ws/7", "spot"),
        ("binance", "wss://fstream.binance.com/ws/0", "swap"),
        ("binanceusdm", "wss://fstream.binance.com/ws/0", "swap"),
        ("bybit", "wss://stream.bybit.com/v5/public/spot", "spot"),
        ("bybit", "wss://stream.bybit.com/v5/public/linear", "swap"),
        ("okx", "wss://ws.okx.com:8443/ws/v5/business", "swap"),
    ],
)
def test_an_address_tells_the_kind_of_its_markets(exchange: str, url: str, kind: str) -> None:
    """As ccxt's own tables have them; an unknown one is of perpetuals."""
    assert market_kind_of(getattr(ccxt.pro, exchange)(), url) == kind
