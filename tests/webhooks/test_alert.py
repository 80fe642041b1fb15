"""Alerts as senders write them, and what they mean."""

import json
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.errors import InvalidSignal
from signalbot.domain.signals import Action, Strength
from signalbot.webhooks.parser import parse_alert, secret_of
from signalbot.webhooks.resolution import CancelRequest
from tests.webhooks.reading import BTC, ETH, MEANING, NOW, read

LONG, SHORT = Action.LONG, Action.SHORT
EXIT_LONG, EXIT_SHORT = Action.EXIT_LONG, Action.EXIT_SHORT


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
        ({"ticker": "BTCUSDT", "action": "cancel"}, (BTC, [CancelRequest.OPEN_SIGNALS], None)),
        ({"ticker": "BTCUSDT", "action": "hold"}, (BTC, [], None)),
        ({"ticker": "XBTUSDT", "action": "enter long"}, (BTC, [LONG], None)),
    ],
)
def test_alerts_in_the_wild(body: object, expected: tuple[str, list[Any], str | None]) -> None:
    """TradingView's own, 3Commas, TradersPost, Zignaly, lines, words."""
    symbol, steps, price = expected
    alert = read(body)
    assert (alert.symbol, list(alert.steps)) == (symbol, steps)
    assert alert.price == (None if price is None else Decimal(price))
    assert "s3cret" not in repr(alert)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"ticker": "SOLUSDT", "action": "buy"}, "'SOLUSDT' is not a market of this source"),
        ({"action": "buy"}, "names no symbol"),
        ({"ticker": "BTCUSDT"}, "the alert has no action"),
        ({"ticker": "BTCUSDT", "action": "explode"}, "action 'explode': unknown word"),
        ({"ticker": "BTCUSDT", "action": "reverse"}, "a reversal needs a side"),
        (
            {"ticker": "BTCUSDT", "action": "buy", "price": -1},
            "price '-1': expected a price above 0",
        ),
        ({"ticker": "BTCUSDT", "action": "buy", "sl": "near"}, "sl 'near': expected a number"),
        ({"ticker": "BTCUSDT", "action": "buy", "strength": "huge"}, "strength 'huge'"),
        ({"ticker": "BTCUSDT", "action": "buy", "confidence": "high"}, "confidence 'high'"),
        ({"ticker": "BTCUSDT", "action": "buy", "confidence": 101}, "confidence '101'"),
        ({"ticker": "BTCUSDT", "action": "buy", "id": "{{strategy.order.id}}"}, "id: the place"),
        ({"ticker": "BTCUSDT", "action": "buy", "exit_when": "dusk"}, "exit_when 'dusk'"),
        ({"ticker": "BTCUSDT", "action": "buy", "stop_at_close": 1}, "stop_at_close '1'"),
        ("hello", "neither JSON"),
        ("[1]", "a list"),
        ('{"a": 1, "a": 2}', "'a' twice"),
        ('{"ticker": "BTCUSDT", "action": "buy", "Action": "sell"}', "'Action' twice"),
        ('{"order": {"side": "buy"}, "order.side": "sell"}', "'order.side' twice"),
        ("ticker=BTCUSDT&action=buy&action=sell", "'action' twice"),
        ("{", "line 1 column 2"),
        ('{"ticker": "BTCUSDT",\n "action": buy}', "line 2 column 12"),
        ('{"price": 1' + "0" * 60 + "}", "more than 40 characters"),
    ],
)
def test_what_cannot_be_meant_is_refused(body: object, why: str) -> None:
    """By the field's name and value; never acted on by guessing."""
    with pytest.raises(InvalidSignal) as refused:
        read(body)
    assert why in str(refused.value)


@pytest.mark.parametrize("name", ["price", "strength", "confidence", "timestamp", "sl", "tp1"])
@pytest.mark.parametrize("value", [0, -1, "high", "{{plot_0}}", "1e999", "NaN", None])
def test_an_exit_is_never_lost_to_what_counts_for_entries(name: str, value: object) -> None:
    """Price, strength, confidence, time and levels of any value: it is closed."""
    alert = read({"ticker": "BTCUSDT", "action": "exit long", name: value})
    assert alert.steps == (EXIT_LONG,)


def test_of_a_reversal_whose_entry_is_refused_the_exit_is_carried_out() -> None:
    """And the answer tells why there is no entry; what only enters is refused whole."""
    turn = {"ticker": "BTCUSDT", "action": "reverse", "side": "short"}
    alert = read(turn | {"sl": "near"})
    assert alert.steps == (EXIT_LONG,)
    assert alert.entry_rejection is not None
    assert "sl 'near'" in alert.entry_rejection
    assert read(turn | {"sl": 70_000}).entry_rejection is None
    only_exits = read(turn, actions=frozenset({EXIT_LONG}))
    assert only_exits.steps == (EXIT_LONG,)


def test_a_source_may_ask_only_for_its_actions() -> None:
    """A stolen secret of a source that only exits opens nothing."""
    with pytest.raises(InvalidSignal, match="LONG is not allowed for this source: see actions"):
        read({"ticker": "BTCUSDT", "action": "buy"}, actions=frozenset({EXIT_LONG}))


def test_fields_that_did_not_count_are_told() -> None:
    """What decided is not among them, and neither is the secret."""
    body = {"ticker": "BTCUSDT", "action": "buy", "interval": "15", "chart": {"url": "x"}}
    alert = read(body | {"sl": "2%", "passphrase": "s3cret", "mood": "good"})
    assert alert.ignored == ("interval", "chart.url", "mood")


def test_what_a_sender_says_of_its_signal_is_kept() -> None:
    """Strength, confidence in parts or percent, and the reason."""
    body = {"ticker": "BTCUSDT", "action": "buy", "strength": "very strong", "comment": "MA cross"}
    alert = read(body | {"confidence": 72})
    assert (alert.strength, alert.confidence) == (Strength.VERY_STRONG, 0.72)
    assert alert.reason == "MA cross"
    assert read(body | {"confidence": "0.9"}).confidence == 0.9
    assert read(body | {"confidence": "90%"}).confidence == 0.9


def test_only_a_key_of_the_delivery_makes_an_alert_itself() -> None:
    """Orders of strategies are called the same again; equal words have equal digests."""
    body = {"ticker": "BTCUSDT", "action": "buy"}
    assert read(body | {"idempotency_key": "tv-7"}).key == "tv-7"
    named = read(body | {"id": "Long"})
    assert (named.key, named.has_unique_id) == (None, False)
    assert read(body | {"id": "3f9a-4411-8c"}).has_unique_id
    assert read(body | {"time": "2026-11-21T06:36:00Z"}).has_unique_id
    assert read(body).digest == read(dict(reversed(body.items()))).digest
    assert read(body).digest != named.digest
    assert read(body | {"secret": "a" * 20}).digest == read(body | {"secret": "b" * 20}).digest


def test_an_alert_may_ask_to_do_nothing() -> None:
    """As a trial, by any of the names for that."""
    body = {"ticker": "BTCUSDT", "action": "buy"}
    for name in ("test", "dry_run", "paper", "isTest"):
        assert read(body | {name: True}).is_test
    assert not read(body | {"test": False}).is_test


def test_secrets_are_found_in_the_body() -> None:
    """Under the names that senders use; a coin in a field called token is none."""
    assert secret_of(b'{"passphrase": "x", "action": "buy"}') == "x"
    assert secret_of(b"TOKEN=yyyy-1;SIGNAL=buy") == "yyyy-1"
    assert secret_of(b"buy BTCUSDT") is None
    assert secret_of(b'{"token": "ETH", "action": "buy"}') is None
    assert read({"token": "ETH", "action": "buy"}).symbol == ETH


@given(st.binary(max_size=400))
def test_no_bytes_break_it(body: bytes) -> None:
    """Understood, or refused with a sentence."""
    with suppress(InvalidSignal):
        parse_alert(body, MEANING, now_ms=NOW)


_WORDS = ("ticker", "action", "side", "price", "sl", "tp", "tp1_qty", "timestamp", "position_size",
          "market_position", "prev_market_position", "confidence", "type", "time", "order_type",
          "reduce_only", "qty", "contracts", "position", "exit_percent", "max_lag", "trailing_stop",
          "symbol", "base", "category", "comment", "stopLoss")  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(_WORDS),
        st.none()
        | st.booleans()
        | st.floats()
        | st.integers()
        | st.text(max_size=20)
        | st.sampled_from(
            ["buy", "sell", "BTCUSDT", "long", "flat", "exit", "1e999", "-0", "60%", "close 50%"]
        ),
    )
)
def test_no_fields_break_it(body: dict[str, Any]) -> None:
    """Whatever stands in them, nothing but a refusal; and what passes is within bounds."""
    try:
        alert = parse_alert(json.dumps(body).encode(), MEANING, now_ms=NOW)
    except InvalidSignal:
        return
    assert alert.symbol in MEANING.symbols
    assert 0 <= alert.confidence <= 1
    assert 0 < alert.exit_percent <= 100
    if body.get("reduce_only") is True:
        assert not {LONG, SHORT} & set(alert.steps)


_LONG = 60_000


@pytest.mark.parametrize(
    "body",
    [
        "1" * _LONG,
        "{" * _LONG,
        "}" * _LONG,
        "[" * _LONG,
        "a=" + " " * _LONG + "x",
        " ".join(["order"] * (_LONG // 6)),
        "BTC/USDT\nEntry: " + "1" * _LONG,
        "BTC/USDT\nEntry: " + "1." * (_LONG // 2),
        "x(" + " " * _LONG,
        "buy " * (_LONG // 4),
        json.dumps({"ticker": "BTCUSDT", "action": "1" * _LONG}),
        json.dumps({"ticker": "BTCUSDT", "action": "buy", "sl": "1" * _LONG + "x"}),
        json.dumps({"ticker": "BTCUSDT", "action": "buy", "sl": "{{" + "a" * _LONG}),
        json.dumps({"ticker": "BTC" * (_LONG // 3), "action": "buy"}),
        json.dumps({"ticker": "BTCUSDT", "buysell" * (_LONG // 7): "buy"}),
        json.dumps({"ticker": "BTCUSDT", "tp" + "1" * _LONG: 62000, "action": "buy"}),
        json.dumps({"ticker": "BTCUSDT", "action": "buy", "tp": "1 " * (_LONG // 2)}),
        json.dumps({"ticker": "BTCUSDT", "action": "buy", "timestamp": "9" * _LONG}),
    ],
    ids=range(18),
)
def test_no_body_takes_long_however_long_it_is(body: str) -> None:
    """Nobody needs a secret to have a body read: each is read in one pass, or refused."""
    with suppress(InvalidSignal):
        read(body)


@pytest.mark.parametrize(
    "text", ["²", "٣", "\uff11\uff12", "½", "Ⅷ", "9" * 5000, "\x00", "\u202e", "🙂"]
)
def test_no_letter_or_digit_breaks_it(text: str) -> None:
    """Of any script, in a name or a value."""
    for body in ({"action": text}, {text: "buy"}, {"action": "buy", "sl": text, f"tp{text}": 1}):
        with suppress(InvalidSignal):
            read({"ticker": "BTCUSDT"} | body)
