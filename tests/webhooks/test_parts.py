"""How much of a position an exit closes."""

from decimal import Decimal
from typing import Any

import pytest

from signalbot.domain.errors import InvalidSignal
from tests.webhooks.reading import read

_LESS = {"action": "sell", "market_position": "long", "prev_market_position": "long"}


@pytest.mark.parametrize(
    ("body", "percent"),
    [
        ({"action": "exit long"}, "100"),
        ({"action": "exit long", "exit_percent": 25}, "25"),
        ({"action": "exit long", "qty": "50%"}, "50"),
        ({"action": "exit long", "qty": 0.5}, "100"),
        ({"action": "exit long", "quantity_percent": "30"}, "30"),
        ({"action": "exit long", "qty_type": "percent_of_position", "qty": 30}, "30"),
        ({"action": "EXIT_LONG", "investmentType": "percentage_position", "amount": 50}, "50"),
        ({"action": "exit", "amountPerTradeType": "percents", "amountPerTrade": 0.4}, "40"),
        ({"action": "exit long", "investmentType": "percentage_balance", "amount": 50}, "100"),
        ({"action": "exit long", "positionPct": 150}, "100"),
        ({"direction": "close", "size": "50%"}, "50"),
        ({"action": "sell", "reduce_only": True, "volume": "50%p"}, "50"),
        ({"action": "close 30%"}, "30"),
        ({"action": "half"}, "50"),
        ({"action": "reduce", "side": "long", "amount": "20%"}, "20"),
        (_LESS | {"market_position_size": 1, "prev_market_position_size": 4}, "75"),
        (_LESS | {"market_position_size": 3, "contracts": 1}, "25"),
        (_LESS | {"market_position_size": 3, "qty": 1}, "25"),
        ({"action": "sell", "sentiment": "bullish", "qty": "50%"}, "50"),
        ({"action": "sell", "contracts": 1, "position_size": 2}, "33.333333"),
    ],
)
def test_a_part_is_told_in_many_ways(body: dict[str, Any], percent: str) -> None:
    """By name, percent sign, unit, word, or a size against what was held."""
    assert read({"ticker": "BTCUSDT"} | body).exit_percent == Decimal(percent)


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (_LESS, "action 'sell' and market_position 'long'"),
        ({"action": "sell", "sentiment": "bullish"}, "action 'sell' and sentiment 'bullish'"),
        ({"action": "reduce", "side": "long"}, "action 'reduce'"),
        ({"action": "trim", "side": "short", "qty": 2}, "action 'trim'"),
    ],
)
def test_a_part_of_which_the_size_is_not_told_is_refused(body: dict[str, Any], named: str) -> None:
    """A whole position is not closed for a part of it."""
    with pytest.raises(InvalidSignal) as refused:
        read({"ticker": "BTCUSDT"} | body)
    assert named in str(refused.value)
    assert "the part of the position to close is missing" in str(refused.value)
