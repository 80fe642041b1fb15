"""Alerts that are no fields: words, TradingView's sentence, commands, signals of channels."""

import pytest

from signalbot.domain.errors import InvalidSignal
from tests.webhooks.reading import BTC, aims, brief, read

_CHANNEL = """⚡⚡ #BTC/USDT ⚡⚡
Exchanges: Binance Futures
Signal Type: Regular (Long)
Leverage: Isolated (5.0X)

Entry Targets:
1) 60500

Take-Profit Targets:
1) 62000 - 50%
2) 64000 - 50%

Stop Targets:
1) 59000
"""


@pytest.mark.parametrize(
    ("text", "steps", "price", "stop"),
    [
        ("buy BTCUSDT", ["LONG"], None, None),
        ("BTCUSDT sell", ["SHORT"], None, None),
        ("buy BTCUSDT @ 60000 sl=59000 tp=62000", ["LONG"], "60000", "59000"),
        ("LONG #BTCUSDT at 60000 SL 2%", ["LONG"], "60000", "2%"),
        ("close long BTCUSDT", ["EXIT_LONG"], None, None),
        ("exit BTCUSDT", ["EXIT_LONG", "EXIT_SHORT"], None, None),
        ("BTCUSDT\nbuy", ["LONG"], None, None),
        ("order buy @ 1.5 filled on BTCUSDT.P. New strategy position is 1.5", ["LONG"], None, None),
        ("MA Cross (9, 21): order sell @ 1.5 filled on BTCUSDT. New strategy position is 0",
         ["EXIT_LONG"], None, None),
        ("order sell @ 3 filled on BTCUSDT. New strategy position is -1.5",
         ["EXIT_LONG", "SHORT"], None, None),
        ("60123456,buy,BTCUSDT,sl=59000", ["LONG"], None, "59000"),
        ("main(BTCUSDT) { cancel(which=all); market(side=buy, amount=100); "
         "stopOrder(side=sell, offset=2%, amount=100%p); }", ["LONG"], None, "2%"),
        ("main(BTCUSDT) { exitMarket(position=0); } #bot",
         ["EXIT_LONG", "EXIT_SHORT"], None, None),
        ("main(BTCUSDT) { market(side=sell, amount=50%p, reduceOnly=true); }",
         ["EXIT_LONG"], None, None),
        ("main(BTCUSDT) { exitMarket(); market(side=buy, amount=1); }",
         ["EXIT_SHORT", "LONG"], None, None),
        ("main(BTCUSDT) { cancel(which=all); }", ["cancel"], None, None),
        (_CHANNEL, ["LONG"], "60500", "59000"),
        ("SHORT BTCUSDT\nEntry: 60500\nTP: 58000\nSL: 1.5%", ["SHORT"], "60500", "1.5%"),
        ("Buy BTCUSDT\nTP 62000\nSL 59000", ["LONG"], None, "59000"),
        ("BTC/USDT\nEntry: 60500\nTarget: 58000\nStop: 61000", ["SHORT"], "60500", "61000"),
    ],
)  # fmt: skip
def test_a_text_is_read_whole(
    text: str, steps: list[str], price: str | None, stop: str | None
) -> None:
    """In its own form, with price and levels."""
    alert = read(text)
    assert alert.symbol == BTC
    assert [step.value for step in alert.steps] == steps
    assert (None if alert.price is None else f"{alert.price:f}") == price
    assert brief(alert.levels.stop) == stop


def test_targets_of_a_channel_keep_their_shares() -> None:
    """Where each of them has one."""
    assert aims(read(_CHANNEL).levels) == [("62000", "50"), ("64000", "50")]
    plain = _CHANNEL.replace(" - 50%", "", 1)
    assert aims(read(plain).levels) == [("62000", None), ("64000", None)]


def test_a_part_is_told_by_a_percent_sign() -> None:
    """In words and in commands."""
    assert read("close long BTCUSDT 50%").exit_percent == 50
    assert read("close 25% BTCUSDT").exit_percent == 25
    assert read("sell to close BTCUSDT half").exit_percent == 50
    text = "main(BTCUSDT) { market(side=sell, amount=30%p, reduceOnly=true); }"
    assert read(text).exit_percent == 30


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hello", "neither JSON"),
        ("buy", "neither JSON"),
        ("buy BTCUSDT now please", "neither JSON"),
        ("buy BTCUSDT 60000", "bare_number"),
        ("buy {{ticker}}", "'{{ticker}}' was not filled"),
        ("order buy @ 1 filled on ETHUSDT. New strategy position is {{x}}", "not filled"),
        ("Close BTCUSDT\nTarget 1 hit\nEntry 60000", "'Close BTCUSDT'"),
        ("BTCUSDT LONG\nTarget 1 reached: 62000\nEntry 60500", "'Target 1 reached: 62000'"),
        (_CHANNEL + "Trailing Configuration:\nStop: Breakeven - Trigger: Target (1)", "trail"),
        (_CHANNEL.replace("1) 60500", "Above 60500"), "conditional entries"),
        (_CHANNEL.replace("62000", "62,000"), "without separators"),
        (_CHANNEL.replace("1) 59000", "see chart"), "'Stop Targets:'"),
        (_CHANNEL + "2) 58000", "several stops"),
        (_CHANNEL.replace("(Long)", "(Long or Short)"), "both long and short"),
        ("main(BTCUSDT) { explode(); }", "'explode()': unknown command"),
        ("main(BTCUSDT) { market(side=buy); market(side=sell); }", "one order"),
        ("main(BTCUSDT) { stopOrder(offset=2%); }", "the alert has no action"),
        ("main(BTCUSDT) { market(side=buy); stopOrder(offset=150); }", "a level needs an offset"),
        (
            "main(BTCUSDT) { market(side=buy); } main(ETHUSDT) { market(side=buy); }",
            "unknown command",
        ),
    ],
)
def test_a_text_that_could_mean_something_else_is_refused(text: str, why: str) -> None:
    """With the line or the word that is in the way."""
    with pytest.raises(InvalidSignal) as refused:
        read(text)
    assert why in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        r'{"action": "buy", "ticker": "BTCUSDT", "comment": "\ud800"}',
        r'{"action": "buy", "ticker": "BTCUSDT", "\udfff": "x"}',
        r'{"action": "buy", "ticker": "BTCUSDT", "notes": ["a", {"b": "\ud800x"}]}',
        r'"buy BTCUSDT \ud800"',
    ],
)
def test_half_a_surrogate_pair_is_refused(body: str) -> None:
    """It stands for no character, so it can neither be stored nor told to anybody."""
    with pytest.raises(InvalidSignal, match="not valid Unicode"):
        read(body)


def test_a_whole_surrogate_pair_is_a_character() -> None:
    """As JSON escapes what is beyond its first plane."""
    assert read(r'{"action": "buy", "ticker": "BTCUSDT", "comment": "\ud83d\ude80"}').steps
