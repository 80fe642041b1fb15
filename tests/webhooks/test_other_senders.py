"""Alerts as other programs, exchanges and scripts write them: each is read, or refused by name."""

from typing import Any

import pytest

from signalbot.domain.errors import InvalidSignal
from tests.webhooks.reading import BTC, actions, aims, brief, levels, read

L, S, XL, XS = "LONG", "SHORT", "EXIT_LONG", "EXIT_SHORT"
_XRP = ("XRP/USDT:USDT",)


@pytest.mark.parametrize(
    "said",
    [
        {"offset": "close"},
        {"offset": "closetoday"},
        {"positionEffect": "CLOSE"},
        {"open_close": "C"},
        {"execInst": "ReduceOnly"},
        {"execInst": "Close"},
        {"flags": ["reduce_only"]},
        {"tif": "reduce_only,post_only"},
        {"order_type": "market reduce only"},
        {"close": "long"},
        {"is_entry": False},
        {"entry": "false"},
        {"open": False},
        {"long": False, "short": False},
        {"short": 0},
        {"target_weight": 0},
        {"exposure": "0%"},
        {"position_qty": "0"},
        {"remaining_position": 0},
        {"bias": "neutral"},
        {"comment": "Long TP1"},
        {"comment": "Long Exit by TP"},
        {"comment": "Close Long - trend change"},
        {"comment": "SL/TP Long"},
        {"comment": "TP1 hit 65000.5 from 63000.1"},
        {"comment": "Close entry(s) order Go Long"},
        {"id": "Exit RSI"},
        {"exit_reason": "roi"},
        {"tag": "exit"},
        {"signal_name": "Exit Long"},
    ],
)
def test_what_says_in_other_words_that_an_order_closes_makes_it_an_exit(
    said: dict[str, Any],
) -> None:
    """HTX, CTP, BitMEX, brokers, portfolio scripts, and what strategies call their orders."""
    found = actions({"action": "sell"} | said)
    assert found in ([XL], [XL, XS])


@pytest.mark.parametrize(
    "said",
    [
        {"open_close": "X"},
        {"instruction": "CLOSE"},
        {"phase": "close"},
        {"status": "closed"},
        {"step": "tp1"},
        {"order_type": "STP"},
        {"order_type": "MIT"},
        {"order_type": "pegged"},
        {"exit_price": 61000},
        {"goal": 65000},
        {"refreshed_at": "2020-01-01T00:00:00Z"},
    ],
)
def test_an_entry_that_could_be_meant_otherwise_is_refused_by_the_fields_name(
    said: dict[str, Any],
) -> None:
    """It is never passed over."""
    (name,) = said
    with pytest.raises(InvalidSignal, match=name):
        actions({"action": "buy"} | said)


@pytest.mark.parametrize(
    "said",
    [
        {"src": "close"},
        {"trigger": "bar close"},
        {"frequency": "once_per_bar_close"},
        {"offset": 5},
        {"offset": "open"},
        {"position_effect": "OPEN"},
        {"is_entry": True},
        {"order_type": "IOC"},
        {"order_type": "twap"},
        {"comment": "close below the EMA"},
        {"comment": "Short entry"},
        {"comment": "Flat market breakdown"},
        {"name": "Trailing Stop strategy"},
        {"short": True},
        {"position_value": 1000},
    ],
)
def test_what_has_nothing_to_do_with_closing_leaves_an_entry_alone(said: dict[str, Any]) -> None:
    """Inputs, frequencies, and comments on why."""
    assert actions({"action": "sell"} | said) == [S]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"sl": 2, "sl_unit": "%"}, "2%"),
        ({"stop_loss": {"unit": "%", "value": 2}}, "2%"),
        ({"stop_loss": {"type": "amount", "value": 2000}}, "2000 away"),
        ({"stop_loss": {"type": "offset", "value": 2000}}, "2000 away"),
        ({"stop_loss": {"type": "price", "value": 61000}}, "61000"),
        ({"sl_bps": 150}, "1.5%"),
        ({"use_sl": False, "sl": 61000}, None),
        ({"use_sl": True, "sl": 61000}, "61000"),
        ({"stop_loss_type": "usd", "stop_loss": 2}, "refused"),
        ({"stop_loss_active": 61000}, "refused"),
    ],
)
def test_how_a_level_is_measured_is_read_from_the_field_beside_it(
    said: dict[str, Any], expected: str | None
) -> None:
    """A percent is never taken for a price, and a level that is switched off is none."""
    if expected == "refused":
        with pytest.raises(InvalidSignal, match="stop_loss"):
            levels(**said)
    else:
        assert brief(levels(**said).stop) == expected


def test_a_trailing_delta_is_in_basis_points() -> None:
    """As Binance has it."""
    assert brief(levels(trailingDelta=150).trailing) == "1.5%"


def test_a_target_that_is_switched_off_is_none() -> None:
    """Whatever its price."""
    assert aims(levels(use_tp=False, tp=65000)) == []


@pytest.mark.parametrize(
    ("said", "share"),
    [
        ({"quantity": 0.5, "quantity_type": "fraction"}, "50"),
        ({"fraction": 0.5}, "50"),
        ({"qty": 30, "is_percent": True}, "30"),
        ({"portion": "25%"}, "25"),
        ({"ratio": 0.5}, "50"),
        ({"reduceBy": "50%"}, "50"),
        ({"exit_qty_percent": 40}, "40"),
        ({"close_portion": "50%"}, "50"),
        ({"remaining_percent": 75}, "25"),
        ({"keep": "75%"}, "25"),
        ({"action": "close 1/4"}, "25"),
        ({"close_long": "50%"}, "50"),
        ({"close": "50%"}, "50"),
    ],
)
def test_a_part_is_closed_in_whatever_words_it_is_asked_for(
    said: dict[str, Any], share: str
) -> None:
    """And never the whole instead."""
    found = read({"ticker": "BTCUSDT", "action": "close long"} | said)
    assert f"{found.exit_percent:f}" == share
    assert XL in {step.value for step in found.steps}


@pytest.mark.parametrize("value", ["{{plot_0}}", "half of it", -50])
def test_a_share_that_cannot_be_read_refuses_the_exit(value: object) -> None:
    """The whole position is not closed instead."""
    with pytest.raises(InvalidSignal, match="exit_percent"):
        actions({"action": "close", "exit_percent": value})


def test_the_side_of_a_flag_that_closes_is_kept_with_its_share() -> None:
    """``close_long: 50%`` leaves a short alone."""
    assert actions({"close_long": "50%"}) == [XL]


def test_a_position_before_may_be_a_signed_size() -> None:
    """Above none is long."""
    assert actions({"position": 0, "prev_position": 1}) == [XL]
    assert actions({"position": 0, "prev_position": -2}) == [XS]


@pytest.mark.parametrize(
    "said",
    [
        {"instrument_name": "ETH_USDT-PERPETUAL"},
        {"underlying": "ETH"},
        {"crypto": "ETH"},
        {"coins": ["ETH"]},
        {"chart": "ETHUSDT, 15"},
        {"comment": "ETHUSDT long"},
        {"ticker": "BYBIT:XRPPERP"},
    ],
)
def test_a_source_with_one_market_refuses_whatever_names_another(said: dict[str, Any]) -> None:
    """By the field's name. Bybit's XRPPERP settles in USDC."""
    (name,) = said
    with pytest.raises(InvalidSignal, match=name):
        read({"action": "buy"} | said, symbols=_XRP)
    assert read({"action": "buy", "comment": "XRPUSDT long"}, symbols=_XRP).symbol == _XRP[0]


@pytest.mark.parametrize("name", ["generated_at", "published_at", "emitted", "created"])
def test_an_old_entry_is_refused_whatever_its_time_is_called(name: str) -> None:
    """By that name."""
    with pytest.raises(InvalidSignal, match=name):
        actions({"action": "buy", name: "2020-01-01T00:00:00Z"})


@pytest.mark.parametrize("said", [{"env": "test"}, {"live": False}, {"environment": "paper"}])
def test_a_trial_is_known_by_its_environment_too(said: dict[str, Any]) -> None:
    """Nothing is traded."""
    assert read({"ticker": "BTCUSDT", "action": "buy"} | said).is_test
    assert not read({"ticker": "BTCUSDT", "action": "buy", "live": True}).is_test


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("my-strat: order sell @ 1 filled on BTCUSDT. New strategy position is 0", [XL]),
        ("My Strategy: order sell @ 2 filled on BTCUSDT. New strategy position is -1", [XL, S]),
        ("A=B: order buy @ 1.5e-05 filled on BTCUSDT. New strategy position is 0", [XS]),
        ("flat BTCUSDT q=0.06", [XL, XS]),
        ("buy BTCUSDT q=0.06", [L]),
        ("close long BTCUSDT qty=1", [XL]),
        ("EXIT LONG: BTCUSDT @ 63000", [XL]),
        ("Buy: BTCUSDT", [L]),
        ("sell BTCUSDT reduce only", [XL]),
        ("🔴 CLOSE LONG BTCUSDT", [XL]),
        ("key=k||type=exit||pair=BTCUSDT||side=long", [XL]),
        ("Ticker: BTCUSDT | Action: SELL | Price: 63000", [S]),
        ("SELL\nBTCUSDT\n63000", [S]),
    ],
)
def test_a_sentence_is_not_taken_for_a_field(text: str, expected: list[str]) -> None:
    """Whatever the strategy is called, and with one ``name=value`` at its end."""
    found = read(text)
    assert [step.value for step in found.steps] == expected
    assert found.symbol == BTC


def test_a_sentence_with_one_level_keeps_it() -> None:
    """``buy BTCUSDT sl=61000`` has a stop."""
    assert brief(read("buy BTCUSDT sl=61000").levels.stop) == "61000"


@pytest.mark.parametrize(
    "said",
    [
        {"sltp_type": "percent"},
        {"tpsl_unit": "%"},
        {"sl_is_percent": True, "tp_is_percent": True},
        {"stop_loss_in_percent": True, "take_profit_in_percent": "true"},
    ],
)
def test_what_makes_a_stop_and_its_targets_percent_makes_both(said: dict[str, Any]) -> None:
    """By a name that is of both, or by a flag for each."""
    found = levels(sl=2, tp=4, **said)
    assert (brief(found.stop), aims(found)) == ("2%", [("4%", None)])


@pytest.mark.parametrize("said", [{"unit": "%"}, {"is_percent": True}, {"levels_unit": "percent"}])
def test_a_unit_of_no_certain_field_refuses_levels(said: dict[str, Any]) -> None:
    """It is not known whose it is."""
    (name,) = said
    with pytest.raises(InvalidSignal, match=name):
        levels(sl=2, **said)
    assert actions({"action": "buy"} | said) == [L]


@pytest.mark.parametrize(
    "comment", ["TP: 65000 SL: 61000", "Exit short, go long", "Close Short and open Long"]
)
def test_a_comment_that_tells_of_an_entry_too_closes_nothing(comment: str) -> None:
    """The order counts."""
    assert actions({"action": "buy", "comment": comment}) == [L]


def test_bitget_closes_a_long_with_a_buy() -> None:
    """In its hedge mode; without the side that is held both are closed."""
    order = {"side": "buy", "tradeSide": "close"}
    assert actions(order | {"holdSide": "long"}) == [XL]
    assert actions(order) == [XL, XS]
    assert actions({"side": "buy", "tradeSide": "open"}) == [L]


def test_the_price_after_a_sale_is_no_target() -> None:
    """Of a short that a message begins with."""
    found = read("SELL BTCUSDT 63000\nTP 61000\nSL 64000")
    assert (f"{found.price}", brief(found.levels.stop)) == ("63000", "64000")
    assert aims(found.levels) == [("61000", None)]
    assert read("SELL\nBTCUSDT\n63000").levels.targets == ()


def test_a_level_in_one_word_with_another_is_kept() -> None:
    """``autosl`` is a stop too."""
    assert brief(levels(autosl=61000).stop) == "61000"
