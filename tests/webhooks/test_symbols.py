"""Names of markets as exchanges, charts and data vendors write them."""

import pytest

from signalbot.domain.errors import InvalidSignal
from signalbot.webhooks.symbols import find_market
from tests.webhooks.reading import BTC, ETH, SPOT, actions, read

_XRP = "XRP/USDT:USDT"


@pytest.mark.parametrize(
    "name",
    ["BTC/USDT:USDT", "BTCUSDT", "btcusdt", "BTC/USDT", "BTC-USDT", "BTC_USDT", "BTCUSDT.P",
     "BINANCE:BTCUSDT.P", "BTCUSDT.P:BINANCE", "BYBIT:BTCUSDT", "BTCUSDTPERP", "BTCUSDT_PERP",
     "BTC-USDT-SWAP", "OKX:BTC-USDT-SWAP", "BTCUSDT_UMCBL", "XBTUSDTM", "XBTUSDT", "BTC-PERP",
     "BTC-USDT-PERPETUAL", "BTCUSDT-PERP.BINANCE", "BTC", "XBT", "$BTC", "#BTCUSDT",
     "USDT_BTC", "BINA_USDT_BTC", "BTC-SWAP-USDT", "PF_XBTUSDT", "tBTCF0:USTF0", "BTCUSDT.UPERP",
     " BTCUSDT "],
)  # fmt: skip
def test_a_perpetual_is_found_by_every_name(name: str) -> None:
    """Where the source has no other market of that coin."""
    assert find_market(name, [BTC, ETH]) == BTC


@pytest.mark.parametrize(
    "name",
    ["SOLUSDT", "BTCUSDC", "BTCUSD", "BTCEUR", "BTCUSDT_241227", "BTC-27DEC24", "BTCUSDTH25",
     "BTCUSD_PERP", "BTC1!", "BTCUSDT.PS", "WBTCUSDT", "1000BTCUSDT", "BTCDOMUSDT", "BTCUPUSDT",
     "ETHBTC", "BTC-USD-SWAP", "PI_XBTUSD", "", "USDT", "BTC/USDT:BTC", "XETHUSDT", "true"],
)  # fmt: skip
def test_a_name_of_another_market_is_refused(name: str) -> None:
    """Other coins, other money, coin-settled, dated: the one that is there is not traded for it."""
    with pytest.raises(InvalidSignal, match="is not a market of this source"):
        find_market(name, [BTC, ETH])


def test_an_ambiguous_name_tells_what_it_could_mean() -> None:
    """And the perpetual's or the spot market's own spelling settles it."""
    markets = (BTC, SPOT)
    for name in ("BTCUSDT", "BTC"):
        with pytest.raises(InvalidSignal, match=r"BTC/USDT:USDT and BTC/USDT: add \.P"):
            read({"ticker": name, "action": "buy"}, symbols=markets)
    for name in ("BTCUSDT.P", "BTC-PERP", "BTC-USDT-SWAP", "XBTUSDTM"):
        assert read({"ticker": name, "action": "buy"}, symbols=markets).symbol == BTC
    for name in (SPOT, "BTCUSDT_SPBL"):
        assert read({"ticker": name, "action": "buy"}, symbols=markets).symbol == SPOT
    spot = {"ticker": "BTCUSDT", "action": "buy", "category": "spot"}
    assert read(spot, symbols=markets).symbol == SPOT
    assert read(spot | {"category": "linear"}, symbols=markets).symbol == BTC


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"instId": "ETH-USDT-SWAP", "action": "buy"}, "instId"),
        ({"general": {"ticker": "ETHUSDT"}, "order": {"action": "sell"}}, "general.ticker"),
        ({"what": "ETHUSDT", "action": "buy"}, "what: 'ETHUSDT'"),
        ({"coin": "ETH", "action": "buy"}, "coin"),
        ({"base": "ETH", "quote": "USDT", "action": "buy"}, "base"),
        ({"ticker": "XRPUSDT", "base": "ETH", "action": "buy"}, "base"),
        ({"ticker": "XRPUSDT", "symbol": "XRPUSDC", "action": "buy"}, "symbol"),
        ({"ticker": "{{ticker}}", "action": "buy"}, "{{ticker}}"),
        ({"pairs": ["ETHUSDT"], "action": "buy"}, "pairs.0"),
        ({"base": "XRP", "quote": "EUR", "action": "buy"}, "quote 'EUR'"),
        ({"code": "ENTER-LONG_Binance_ETHUSDT_bot"}, "code.symbol"),
        ({"ticker": "XRPUSDT", "market_type": "spot", "action": "buy"}, "market_type 'spot'"),
        ({"ticker": "XRPUSDT", "category": "inverse", "action": "buy"}, "category 'inverse'"),
    ],
)
def test_another_market_is_never_traded_because_a_source_has_one(
    body: dict[str, object], named: str
) -> None:
    """Under whatever name it is told."""
    with pytest.raises(InvalidSignal) as refused:
        read(body, symbols=(_XRP,))
    assert named in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        {"action": "buy"},
        {"coin": "XRP", "action": "buy"},
        {"base": "XRP", "quote": "USDT", "action": "buy"},
        {"base": "1000", "symbol": "XRPUSDT", "action": "buy"},
        {"ticker": "XRPUSDT", "symbol": "XRP/USDT", "action": "buy"},
        {"ticker": "XRPUSDT", "currency": "USDT", "market": "futures", "action": "buy"},
        {"exchange": "BINANCE", "interval": "15", "currency": "USDT", "action": "buy"},
        {"pairs": ["XRPUSDT"], "action": "buy"},
        {"pair": "XRPUSDT", "isMarket": True, "action": "buy"},
    ],
)
def test_a_source_with_one_market_needs_no_name(body: dict[str, object]) -> None:
    """A base coin is enough, and what is no name does no harm."""
    assert read(body, symbols=(_XRP,)).symbol == _XRP


def test_a_source_with_two_names_markets_that_agree() -> None:
    """Two fields may name one market in two ways; two markets are a contradiction."""
    assert actions({"symbol": "BTC/USDT:USDT", "instrument": "BTC-USDT-SWAP", "side": "buy"}) == [
        "LONG"
    ]
    with pytest.raises(InvalidSignal, match="ticker 'BTCUSDT' and symbol 'ETHUSDT' name different"):
        actions({"symbol": "ETHUSDT", "side": "buy"})
