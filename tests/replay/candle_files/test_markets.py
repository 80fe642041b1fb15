"""A market is known by all its names, and never taken for another."""

import pytest

from signalbot.replay.candle_files.market_matching import MarketFit, MarketName, is_market_name

PERPETUAL = MarketName("BTC/USDT:USDT")
SPOT = MarketName("BTC/USDT")


@pytest.mark.parametrize(
    ("name", "perpetual", "spot"),
    [
        ("BTC/USDT:USDT", MarketFit.KIND, MarketFit.OTHER),
        ("BTC/USDT", MarketFit.SAME, MarketFit.KIND),
        ("BTCUSDT", MarketFit.SAME, MarketFit.SAME),
        ("btc_usdt", MarketFit.SAME, MarketFit.SAME),
        ("BTC-USDT", MarketFit.SAME, MarketFit.SAME),
        ("BTC-USDT-SWAP", MarketFit.KIND, MarketFit.OTHER),
        ("BTCUSDT_UMCBL", MarketFit.KIND, MarketFit.OTHER),
        ("BTC_USDT_USDT", MarketFit.KIND, MarketFit.OTHER),
        ("BINANCE:BTCUSDT.P", MarketFit.KIND, MarketFit.OTHER),
        ("BINANCE:BTCUSDT", MarketFit.SAME, MarketFit.SAME),
        ("X:BTC-USD", MarketFit.DOLLAR, MarketFit.DOLLAR),
        ("XXBTZUSD", MarketFit.DOLLAR, MarketFit.DOLLAR),
        ("XBT/USD", MarketFit.DOLLAR, MarketFit.DOLLAR),
        ("tBTCUSD", MarketFit.DOLLAR, MarketFit.DOLLAR),
        ("PF_XBTUSD", MarketFit.DOLLAR, MarketFit.OTHER),
        ("USDT-BTC", MarketFit.SAME, MarketFit.SAME),
        ("KRW-BTC", MarketFit.OTHER, MarketFit.OTHER),
        ("BTC", MarketFit.BASE, MarketFit.BASE),
        ("Bitcoin", MarketFit.BASE, MarketFit.BASE),
        ("BTC.V", MarketFit.BASE, MarketFit.BASE),
        ("ETHUSDT", MarketFit.OTHER, MarketFit.OTHER),
        ("BTCEUR", MarketFit.OTHER, MarketFit.OTHER),
        ("ETHBTC", MarketFit.OTHER, MarketFit.OTHER),
        ("WBTCUSDT", MarketFit.OTHER, MarketFit.OTHER),
        ("BTCDOMUSDT", MarketFit.OTHER, MarketFit.OTHER),
        ("BTCUSDT_240329", MarketFit.OTHER, MarketFit.OTHER),
        ("BTC/USDT:USDT-240329", MarketFit.OTHER, MarketFit.OTHER),
        ("BTC-29MAR24", MarketFit.OTHER, MarketFit.OTHER),
        ("BTC-29MAR24-60000-C", MarketFit.OTHER, MarketFit.OTHER),
        ("2781", MarketFit.OTHER, MarketFit.OTHER),
        ("", MarketFit.OTHER, MarketFit.OTHER),
    ],
)
def test_a_name_fits_or_does_not(name: str, perpetual: MarketFit, spot: MarketFit) -> None:
    """As exchanges, charts and vendors write it."""
    assert (PERPETUAL.fit(name), SPOT.fit(name)) == (perpetual, spot)


def test_a_multiple_of_a_coin_is_another_market() -> None:
    """1000PEPE costs a thousand PEPE."""
    assert MarketName("PEPE/USDT:USDT").fit("1000PEPEUSDT") is MarketFit.OTHER
    assert MarketName("1000PEPE/USDT:USDT").fit("1000PEPEUSDT") is MarketFit.SAME


def test_the_best_name_drives_out_the_others() -> None:
    """A perpetual is preferred where one is asked for."""
    assert PERPETUAL.best(["BTC-USD", "BTC-USDT", "BTC-USDT-SWAP"]) == (
        MarketFit.KIND,
        ["BTC-USDT-SWAP"],
    )


@pytest.mark.parametrize("text", ["ETHUSDT", "ETH-USD", "BTC-29MAR24", "DOGE/EUR"])
def test_a_market_name_is_known_as_one(text: str) -> None:
    """By the currency at its end, or by the day it ends on."""
    assert is_market_name(text)


@pytest.mark.parametrize("text", ["Bitcoin", "binance", "2781", "spot", "x", "USD"])
def test_other_words_are_no_market_names(text: str) -> None:
    """They decide nothing."""
    assert not is_market_name(text)
