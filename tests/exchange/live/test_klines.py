"""Candles of a websocket frame have the same units as those over REST."""

from decimal import Decimal

import pytest

from signalbot.exchange.live.adapters.klines import read_okx_klines


@pytest.mark.parametrize(("market_id", "coins"), [("BTC-USDT-SWAP", "0.75"), ("BTC-USDT", "75")])
def test_okx_counts_contracts_first_of_swaps_and_coins_of_spot(market_id: str, coins: str) -> None:
    """``vol``: "with a unit of contract" or of "base currency"; ``volCcy``: of currency, or quote.

    https://www.okx.com/docs-v5/en/#order-book-trading-market-data-ws-candlesticks-channel
    """
    row = ["1700000000000", "50000", "50010", "49990", "50005", "75", "0.75", "37503.75", "1"]
    frame = {"arg": {"channel": "candle1m", "instId": market_id}, "data": [row]}
    (kline,) = read_okx_klines(frame)
    assert (kline.volume, kline.is_closed) == (Decimal(coins), True)
