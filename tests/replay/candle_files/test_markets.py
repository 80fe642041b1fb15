"""A market is known by all its names, and never taken for another."""

import pytest

from signalbot.replay.candle_files.markets import Fit, Market, is_market_name

PERPETUAL = Market("BTC/USDT:USDT")
SPOT = Market("BTC/USDT")


@pytest.mark.parametrize(
    ("name", "perpetual", "spot"),
    [
        ("BTC/USDT:USDT", Fit.KIND, Fit.OTHER),
        ("BTC/USDT", Fit.SAME, Fit.KIND),
        ("BTCUSDT", Fit.SAME, Fit.SAME),
        ("btc_usdt", Fit.SAME, Fit.SAME),
        ("BTC-USDT", Fit.SAME, Fit.SAME),
        ("BTC-USDT-SWAP", Fit.KIND, Fit.OTHER),
        ("BTCUSDT_UMCBL", Fit.KIND, Fit.OTHER),
        ("BTC_USDT_USDT", Fit.KIND, Fit.OTHER),
        ("BINANCE:BTCUSDT.P", Fit.KIND, Fit.OTHER),
        ("BINANCE:BTCUSDT", Fit.SAME, Fit.SAME),
        ("X:BTC-USD", Fit.DOLLAR, Fit.DOLLAR),
        ("XXBTZUSD", Fit.DOLLAR, Fit.DOLLAR),
        ("XBT/USD", Fit.DOLLAR, Fit.DOLLAR),
        ("tBTCUSD", Fit.DOLLAR, Fit.DOLLAR),
        ("PF_XBTUSD", Fit.DOLLAR, Fit.OTHER),
        ("USDT-BTC", Fit.SAME, Fit.SAME),
        ("KRW-BTC", Fit.OTHER, Fit.OTHER),
        ("BTC", Fit.BASE, Fit.BASE),
        ("Bitcoin", Fit.BASE, Fit.BASE),
        ("BTC.V", Fit.BASE, Fit.BASE),
        ("ETHUSDT", Fit.OTHER, Fit.OTHER),
        ("BTCEUR", Fit.OTHER, Fit.OTHER),
        ("ETHBTC", Fit.OTHER, Fit.OTHER),
        ("WBTCUSDT", Fit.OTHER, Fit.OTHER),
        ("BTCDOMUSDT", Fit.OTHER, Fit.OTHER),
        ("BTCUSDT_240329", Fit.OTHER, Fit.OTHER),
        ("BTC/USDT:USDT-240329", Fit.OTHER, Fit.OTHER),
        ("BTC-29MAR24", Fit.OTHER, Fit.OTHER),
        ("BTC-29MAR24-60000-C", Fit.OTHER, Fit.OTHER),
        ("2781", Fit.OTHER, Fit.OTHER),
        ("", Fit.OTHER, Fit.OTHER),
    ],
)
def test_a_name_fits_or_does_not(name: str, perpetual: Fit, spot: Fit) -> None:
    """As exchanges, charts and vendors write it."""
    assert (PERPETUAL.fit(name), SPOT.fit(name)) == (perpetual, spot)


def test_a_multiple_of_a_coin_is_another_market() -> None:
    """1000PEPE costs a thousand PEPE."""
    assert Market("PEPE/USDT:USDT").fit("1000PEPEUSDT") is Fit.OTHER
    assert Market("1000PEPE/USDT:USDT").fit("1000PEPEUSDT") is Fit.SAME


def test_the_best_name_drives_out_the_others() -> None:
    """A perpetual is preferred where one is asked for."""
    assert PERPETUAL.best(["BTC-USD", "BTC-USDT", "BTC-USDT-SWAP"]) == (
        Fit.KIND,
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
