"""Levels in every spelling: used, or refused by the field's name; never left out."""

import pytest

from signalbot.domain.errors import InvalidSignal
from tests.webhooks.reading import aims, brief, levels


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("sl", 59000, "59000"),
        ("stop_loss", "59000", "59000"),
        ("stopLossPrice", "59000.5", "59000.5"),
        ("stop_price", 59000, "59000"),
        ("slPrice", 59000, "59000"),
        ("stop-loss-price", 59000, "59000"),
        ("stop", "2%", "2%"),
        ("sl_percent", "2", "2%"),
        ("stopLossPercentage", "-5", "5%"),
        ("stop_loss_pct", -0.5, "0.5%"),
        ("stopLoss", {"percent": 5, "type": "stop"}, "5%"),
        ("stopLoss", {"stopPrice": 59000, "limitPrice": 58900, "type": "stop_limit"}, "59000"),
        ("stop_loss", {"enabled": True, "trigger_price_percent": 5}, "5%"),
        ("stop_loss", [{"price_percentage": 5}], "5%"),
        ("stopLoss", {"priceDeviation": 0.03}, "3%"),
        ("stopLoss", {"amount": 2000}, "2000 away"),
        ("sl_offset", "150", "150 away"),
        ("percentage_sl", 0.5, "0.5%"),
        ("percent_stop_loss", 2, "2%"),
        ("stop_loss", {"value": 5, "unit": "percent"}, "5%"),
        ("stop_loss", {"sl_type": "percent", "sl_value": 2}, "2%"),
        ("presetStopLossPrice", "60000", "60000"),
        ("tpsl", {"sl": {"price": 59000}}, "59000"),
        ("risk", {"stopLoss": 59000}, "59000"),
        ("stopTargets", [{"price": 59000}], "59000"),
        ("stop_loss", 0, None),
        ("stop_loss", "", None),
        ("stop_loss", "NaN", None),
        ("stop_loss", {"enabled": False, "price": 59000}, None),
        ("stop_loss", True, None),
    ],
)
def test_a_stop_is_found(name: str, value: object, expected: str | None) -> None:
    """Price, percent, fraction, amount; flat or nested; 0, empty and switched off are none."""
    assert brief(levels(**{name: value}).stop) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"tp": 62000}, [("62000", None)]),
        ({"tp1": 61000, "tp2": "62000.5"}, [("61000", None), ("62000.5", None)]),
        ({"takeProfitPrice1": "66000", "takeProfitPrice2": 0}, [("66000", None)]),
        ({"targets": [61000, 62000]}, [("61000", None), ("62000", None)]),
        ({"take_profits": "61000, 62000"}, [("61000", None), ("62000", None)]),
        ({"target_1": "2%"}, [("2%", None)]),
        ({"takeProfit": {"limitPrice": 62000}}, [("62000", None)]),
        ({"takeProfit": {"amount": 500}}, [("500 away", None)]),
        (
            {"takeProfitTargets": [{"price": 61000, "amountPercentage": 40},
                                   {"price": 62000, "amountPercentage": 60}]},
            [("61000", "40"), ("62000", "60")],
        ),
        (
            {"takeProfits": [{"priceDeviation": 0.02, "portfolio": 0.5},
                             {"priceDeviation": 0.04, "portfolio": 0.5}]},
            [("2%", "50"), ("4%", "50")],
        ),
        (
            {"tp1": 61000, "tp1_qty": 0.3, "tp2": 62000, "tp2_qty": 0.7},
            [("61000", "30"), ("62000", "70")],
        ),
        (
            {"tp1": 61000, "tp1_qty": "25%", "tp2": 62000, "tp2_qty": "25%"},
            [("61000", "25"), ("62000", "25")],
        ),
        (
            {"TAKE_PROFIT_PRICE_1": 61000, "TAKE_PROFIT_VOLUME_RATIO_1": 1,
             "TAKE_PROFIT_PRICE_2": 62000, "TAKE_PROFIT_VOLUME_RATIO_2": 3},
            [("61000", "25"), ("62000", "75")],
        ),
        ({"tp1": 61000, "tp2": "NaN", "tp2_qty": 50}, [("61000", None)]),
        ({"T1": 61000, "T2": 62000}, [("61000", None), ("62000", None)]),
        (
            {"attachAlgoOrds": [{"tpTriggerPx": "66000", "tpOrdPx": "-1", "slTriggerPx": "60000"}]},
            [("66000", None)],
        ),
        (
            {"tp_prices": [61000, 62000], "tp_sizes": ["40%", "60%"]},
            [("61000", "40"), ("62000", "60")],
        ),
        (
            {"targets": [{"idx": 1, "amount": 50, "takeProfitPercent": 2},
                         {"idx": 2, "amount": 50, "takeProfitPercent": 4}]},
            [("2%", "50"), ("4%", "50")],
        ),
    ],
)  # fmt: skip
def test_targets_are_found_with_their_shares(
    fields: dict[str, object], expected: list[tuple[str, str | None]]
) -> None:
    """Numbered, listed, nested; shares in percent, parts of one, or as ratios."""
    assert aims(levels(**fields)) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"stopLoss": {"trailPercent": 0.75}}, "0.75%"),
        ({"trailing_stop": "1.5%"}, "1.5%"),
        ({"trailing_stop_percent": 1.5}, "1.5%"),
        ({"callbackRate": 1}, "1%"),
        ({"stopLoss": {"type": "trailing_stop", "percent": 2}}, "2%"),
        ({"trailingStopLossPercentage": 1, "useTrailing": True}, "1%"),
        ({"trail_amount": 300}, "300 away"),
        ({"stopLoss": {"type": "trailing_stop", "trailPrice": 500}}, "500 away"),
        ({"trailing": False, "sl": "2%"}, None),
    ],
)
def test_a_trailing_stop_is_found(fields: dict[str, object], expected: str | None) -> None:
    """By its distance, in percent or as an amount."""
    assert brief(levels(**fields).trailing) == expected


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"sl": "62,300.50"}, "sl '62,300.50'"),
        ({"sl": -59000}, "sl '-59000': expected a price above 0"),
        ({"sl": 59000, "stop_price": 58000}, "sl '59000' and stop_price '58000'"),
        ({"sl": 59000, "sl_percent": 2}, "sl '59000' and sl_percent '2'"),
        ({"sl_pips": 50}, "sl_pips '50'"),
        ({"sl_atr": 2}, "sl_atr '2'"),
        ({"stopLoss": {"type": "atr", "value": 2}}, "stopLoss.type 'atr'"),
        ({"stopLoss": {"priceDeviation": 3}}, "stopLoss.priceDeviation '3'"),
        ({"tp": "{{plot_1}}"}, "'{{plot_1}}' was not filled"),
        ({"tp1": 61000, "tp1_qty": 50, "tp2": 62000}, "tp1_qty '50'"),
        ({"tp1": 61000, "tp1_qty": 3, "tp2": 62000, "tp2_qty": 4}, "tp1_qty '3'"),
        ({"tp1_qty": 50}, "tp1_qty '50': share without a target"),
        (
            {"tp1": 61000, "tp1_percent_qty": 80, "tp2": 62000, "tp2_percent_qty": 80},
            "exceed the position",
        ),
        ({"trailing_stop": 59000}, "trailing_stop '59000'"),
        ({"trailing_stop": True}, "trailing_stop 'true'"),
        ({"trailing_stop": "1%", "trailing_stop_activation": 61000}, "trailing_stop_activation"),
        ({"trailing_take_profit": "1%"}, "trailing targets are not supported"),
        ({"stop_loss_breakeven": True}, "protection.break_even_after"),
        ({f"tp{number}": 61000 + number for number in range(1, 13)}, "more than 10"),
        ({"tp_atr_mult": 2}, "tp_atr_mult '2'"),
        ({"sl_usd": 100}, "sl_usd '100'"),
        ({"dollar_tp": 100}, "dollar_tp '100'"),
        ({"limit": 66000}, "limit '66000'"),
        ({"max_loss": 2}, "max_loss '2'"),
        ({"tp": "1 " * 30}, "more than 20 numbers"),
    ],
)
def test_a_level_that_cannot_be_used_refuses_the_entry(fields: dict[str, object], why: str) -> None:
    """With the field's name and value."""
    with pytest.raises(InvalidSignal) as refused:
        levels(**fields)
    assert why in str(refused.value)
