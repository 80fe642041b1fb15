"""Alerts as senders write them, and what they mean."""

import json
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.errors import BadSignal
from signalbot.domain.signals import Action
from signalbot.domain.timeframe import Ms
from signalbot.intake.alert import Alert, Meaning, secret_of, understand
from signalbot.intake.aliases import aliases_table
from signalbot.intake.verbs import Cancel, Direction, steps

NOW = Ms(1_795_243_000_000)  # 2026-11-21T06:36:40Z
BTC, ETH, SPOT = "BTC/USDT:USDT", "ETH/USDT:USDT", "BTC/USDT"
MEANING = Meaning(symbols=(BTC, ETH), actions=frozenset(Action))
LONG, SHORT = Action.LONG, Action.SHORT
EXIT_LONG, EXIT_SHORT = Action.EXIT_LONG, Action.EXIT_SHORT


def _read(body: object, **meaning: Any) -> Alert:
    text = body if isinstance(body, str) else json.dumps(body)
    whole = Meaning(**({"symbols": (BTC, ETH), "actions": frozenset(Action)} | meaning))
    return understand(text.encode(), whole, now_ms=NOW)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"ticker": "BTCUSDT", "action": "buy", "price": 60486.6}, (BTC, [LONG], "60486.6")),
        ({"symbol": "BINANCE:ETHUSDT.P", "side": "sell"}, (ETH, [SHORT], None)),
        (
            {  # 3Commas
                "secret": "s3cret",
                "max_lag": "300",
                "timestamp": "2026-11-21T06:36:20Z",
                "trigger_price": "60486.6",
                "tv_exchange": "BINANCE",
                "tv_instrument": "BTCUSDT.P",
                "action": "sell",
                "bot_uuid": "b-1",
                "strategy_info": {
                    "market_position": "flat",
                    "market_position_size": "0",
                    "prev_market_position": "long",
                },
                "order": {"amount": "1", "currency_type": "base"},
            },
            (BTC, [EXIT_LONG], "60486.6"),
        ),
        (
            {  # TradersPost
                "ticker": "ETHUSDT",
                "action": "exit",
                "sentiment": "flat",
                "signalPrice": 3000,
                "takeProfit": {"percent": 5},
                "time": "2026-11-21T06:36:20Z",
            },
            (ETH, [EXIT_LONG, EXIT_SHORT], "3000"),
        ),
        (
            {  # Zignaly
                "key": "s3cret",
                "type": "exit",
                "exchange": "binance",
                "pair": "ETHUSDT",
                "side": "long",
                "orderType": "market",
                "signalId": "z-1",
            },
            (ETH, [EXIT_LONG], None),
        ),
        ("EXCHANGE=BINANCE\nSYMBOL=BTCUSDT.P\nSIGNAL=BUY\nTOKEN=s3cret", (BTC, [LONG], None)),
        ("symbol=BTCUSDT;action=close_short", (BTC, [EXIT_SHORT], None)),
        ("sell ETHUSDT @ 3000.5", (ETH, [SHORT], "3000.5")),
        (
            {"ticker": "BTCUSDT", "action": "reverse", "side": "short"},
            (BTC, [EXIT_LONG, SHORT], None),
        ),
        ({"ticker": "BTCUSDT", "action": "cancel"}, (BTC, [Cancel.OPEN_SIGNALS], None)),
        ({"ticker": "BTCUSDT", "action": "hold"}, (BTC, [], None)),
        ({"ticker": "XBTUSDT", "action": "enter long"}, (BTC, [LONG], None)),
    ],
)
def test_alerts_in_the_wild(body: object, expected: tuple[str, list[Any], str | None]) -> None:
    """TradingView's own, 3Commas, TradersPost, Zignaly, lines, words."""
    symbol, todo, price = expected
    alert = _read(body)
    assert (alert.symbol, list(alert.steps)) == (symbol, todo)
    assert alert.price == (None if price is None else Decimal(price))
    assert "s3cret" not in repr(alert)


def test_levels_in_every_form() -> None:
    """Prices, lists, numbers behind names, percent of the price."""
    body = {"ticker": "BTCUSDT", "action": "buy", "price": 60000, "sl": "59000", "tp1": 61000}
    alert = _read(body | {"tp2": 62000.5})
    assert alert.stop_loss == 59000
    assert alert.take_profits == (Decimal(61000), Decimal("62000.5"))
    listed = _read(body | {"tp1": None, "take_profits": [62000, "61000"]})
    assert listed.take_profits == (Decimal(61000), Decimal(62000))
    percent = {"ticker": "BTCUSDT", "action": "sell", "price": "100", "stopLossPercentage": "2"}
    away = _read(percent | {"takeProfitPercentage1": 5})
    assert (away.stop_loss, away.take_profits) == (Decimal(102), (Decimal(95),))
    assert _read(body | {"action": "exit"}).stop_loss is None


def test_what_is_not_filled_in_is_not_there() -> None:
    """Empty plots, forgotten placeholders."""
    text = '{"ticker": "BTCUSDT", "action": "buy", "sl": NaN, "tp": "{{plot_0}}", "price": ""}'
    alert = _read(text)
    assert (alert.stop_loss, alert.take_profits, alert.price) == (None, (), None)


@pytest.mark.parametrize(
    ("direction", "verb", "action"),
    [
        (Direction.BOTH, "sell", SHORT),
        (Direction.LONG, "sell", EXIT_LONG),
        (Direction.LONG, "buy", LONG),
        (Direction.SHORT, "sell", SHORT),
        (Direction.SHORT, "buy", EXIT_SHORT),
    ],
)
def test_what_buy_and_sell_mean_is_the_sources(
    direction: Direction, verb: str, action: Action
) -> None:
    """As its configuration says."""
    assert steps(verb, direction=direction) == [action]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("flat", "long", [LONG]),
        ("long", "flat", [EXIT_LONG]),
        ("long", "short", [EXIT_LONG, SHORT]),
        ("short", "long", [EXIT_SHORT, LONG]),
        ("long", "long", []),
    ],
)
def test_positions_count_more_than_buy_and_sell(
    before: str, after: str, expected: list[Action]
) -> None:
    """The same word opens, closes or turns, whatever the direction."""
    assert steps("sell", position=after, previous=before) == expected


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"ticker": "SOLUSDT", "action": "buy"}, "none of this source's"),
        ({"action": "buy"}, "names no symbol"),
        ({"ticker": "BTCUSDT"}, "not what to do"),
        ({"ticker": "BTCUSDT", "action": "explode"}, "not known"),
        ({"ticker": "BTCUSDT", "action": "reverse"}, "side to turn to"),
        ({"ticker": "BTCUSDT", "action": "buy", "price": -1}, "above 0"),
        ({"ticker": "BTCUSDT", "action": "buy", "sl": "near"}, "where a number belongs"),
        ({"ticker": "BTCUSDT", "action": "buy", "timestamp": "2026-11-21T06:30:00Z"}, "too old"),
        ({"ticker": "BTCUSDT", "action": "sell", "sentiment": "long"}, "in part"),
        ("hello", "neither JSON"),
        ("[1]", "a list"),
        ('{"a": 1, "a": 2}', "twice"),
        ("{", "is not"),
    ],
)
def test_what_cannot_be_meant_is_refused(body: object, why: str) -> None:
    """With what is wrong; never acted on by guessing."""
    with pytest.raises(BadSignal, match=why):
        _read(body)


def test_an_ambiguous_ticker_names_what_it_could_mean() -> None:
    """And the perpetual's own spelling settles it."""
    markets = (BTC, SPOT)
    with pytest.raises(BadSignal, match=r"BTC/USDT:USDT or BTC/USDT: add \.P"):
        _read({"ticker": "BTCUSDT", "action": "buy"}, symbols=markets)
    assert _read({"ticker": "BTCUSDT.P", "action": "buy"}, symbols=markets).symbol == BTC
    assert _read({"ticker": SPOT, "action": "buy"}, symbols=markets).symbol == SPOT


def test_a_source_may_ask_only_for_its_actions() -> None:
    """A stolen secret of a source that only exits opens nothing."""
    with pytest.raises(BadSignal, match=r"params\.actions|actions"):
        _read({"ticker": "BTCUSDT", "action": "buy"}, actions=frozenset({EXIT_LONG}))


def test_identity_comes_from_the_sender_or_from_time() -> None:
    """Its own id; else what and when; an alert without either has none."""
    body = {"ticker": "BTCUSDT", "action": "buy"}
    assert _read(body | {"id": "tv-7"}).key == "tv-7"
    at = _read(body | {"time": "2026-11-21T06:36:00Z"})
    again = _read(body | {"time": "2026-11-21T06:36:00Z", "note": "late"})
    later = _read(body | {"time": "2026-11-21T06:37:00Z"})
    assert at.key == again.key != later.key
    assert _read(body).key is None
    assert _read(body).digest == _read(dict(reversed(body.items()))).digest


def test_secrets_are_found_in_the_body() -> None:
    """Under the names that senders use."""
    assert secret_of(b'{"passphrase": "x", "action": "buy"}') == "x"
    assert secret_of(b"TOKEN=y;SIGNAL=buy") == "y"
    assert secret_of(b"buy BTCUSDT") is None


@given(st.binary(max_size=400))
def test_no_bytes_break_it(body: bytes) -> None:
    """Understood, or refused with a sentence."""
    with suppress(BadSignal):
        understand(body, MEANING, now_ms=NOW)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "ticker",
                "action",
                "side",
                "price",
                "sl",
                "tp",
                "timestamp",
                "market_position",
                "confidence",
                "type",
                "time",
            ]
        ),
        st.none()
        | st.booleans()
        | st.floats()
        | st.integers()
        | st.text(max_size=20)
        | st.sampled_from(["buy", "BTCUSDT", "long", "flat", "exit", "1e999", "-0", "60%"]),
    )
)
def test_no_fields_break_it(body: dict[str, Any]) -> None:
    """Whatever stands in them, nothing but a refusal; and what passes is within bounds."""
    try:
        alert = understand(json.dumps(body).encode(), MEANING, now_ms=NOW)
    except BadSignal:
        return
    assert alert.symbol in MEANING.symbols
    assert 0 <= alert.confidence <= 1


def test_the_readme_shows_the_table_of_names() -> None:
    """So that whoever writes an alert finds the words."""
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    shown = readme.split("<!-- aliases -->\n")[1].split("<!-- /aliases -->")[0]
    assert shown == aliases_table(), "paste signalbot.intake.aliases.aliases_table()"
