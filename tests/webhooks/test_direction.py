"""What an alert asks for: what closes never opens, and what contradicts itself is refused."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.errors import InvalidSignal
from signalbot.settings.webhook import Direction
from tests.webhooks.reading import actions

L, S, XL, XS = "LONG", "SHORT", "EXIT_LONG", "EXIT_SHORT"
_SIDED = {"long": (L, XL), "short": (S, XS)}


@pytest.mark.parametrize(
    ("direction", "verb", "action"),
    [
        (Direction.BOTH, "buy", L),
        (Direction.BOTH, "sell", S),
        (Direction.LONG, "buy", L),
        (Direction.LONG, "sell", XL),
        (Direction.SHORT, "sell", S),
        (Direction.SHORT, "buy", XS),
    ],
)
def test_what_buy_and_sell_mean_is_the_sources(
    direction: Direction, verb: str, action: str
) -> None:
    """As its configuration says."""
    assert actions({"action": verb}, direction=direction) == [action]


@pytest.mark.parametrize(("before", "after"), tuple(product(("flat", "long", "short"), repeat=2)))
def test_positions_before_and_after_tell_exactly_what_was_done(before: str, after: str) -> None:
    """The difference is done, whatever the source's direction; the order must agree with it."""
    height = {"short": -1, "flat": 0, "long": 1}
    order = "buy" if height[after] > height[before] else "sell"
    body = {"market_position": after, "prev_market_position": before, "action": order}
    expected = [] if before == after else [*_left(before), *_entered(after)]
    for direction in Direction:
        if before == after:
            del body["action"]
            assert actions(body, direction=direction) == []
            return
        assert actions(body, direction=direction) == expected
    body["action"] = {"buy": "sell", "sell": "buy"}[order]
    with pytest.raises(InvalidSignal, match="contradict each other"):
        actions(body)


def _left(side: str) -> list[str]:
    return [_SIDED[side][1]] if side in _SIDED else []


def _entered(side: str) -> list[str]:
    return [_SIDED[side][0]] if side in _SIDED else []


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"action": "sell", "comment": "Close entry(s) order Long"}, [XL]),
        ({"action": "buy", "comment": "Exit Short"}, [XS]),
        ({"action": "sell", "id": "TP/SL"}, [XL]),
        ({"action": "sell", "comment": "Short entry"}, [S]),
        ({"action": "sell", "order_type": "limit"}, [S]),
        ({"action": "buy", "position": "long"}, [L]),
        ({"action": "buy", "position": 0}, [XL, XS]),
        ({"action": "sell", "contracts": 1, "position_size": -1}, [S]),
        ({"action": "sell", "contracts": 2, "position_size": -1}, [XL, S]),
        ({"action": "sell", "contracts": 1, "position_size": 1}, [XL]),
        ({"action": "buy", "contracts": 1, "position_size": 2}, []),
        ({"action": "buy", "market_position_size": 0}, [XL, XS]),
        ({"exit_long": True}, [XL]),
        ({"long": True, "short": False}, [L]),
        ({"isSell": True, "isClose": True}, [XL]),
        ({"action": "reverse to short"}, [XL, S]),
        ({"action": "flip", "market_position": "long"}, [XS, L]),
        ({"action": "none", "side": "long"}, []),
        ({"side": "net", "action": "buy"}, [L]),
        ({"action": "sell", "close": True}, [XL]),
        ({"order.closePosition": "true", "action": "sell"}, [XL]),
        ({"orderClosePosition": "true", "action": "sell"}, [XL]),
        ({"entry": True, "side": "long"}, [L]),
        ({"buy": False, "sell": True, "short": False, "cover": False}, [XL]),
        ({"buy": False, "sell": False, "short": True, "cover": False}, [S]),
        ({"buy": False, "sell": False, "short": False, "cover": True}, [XS]),
        ({"is_buy": False, "reduce_only": True}, [XL]),
        ({"is_buy": False}, [S]),
        ({"isBuy": False, "isSell": False, "isClose": True}, [XL, XS]),
        ({"signal_type": "f944e169-2398-4821-4987-10a30eeb477b", "action": "sell"}, [S]),
        ({"side": "BUY", "flag": ["REVERSE"]}, [XS, L]),
        ({"cancelAllOrders": True, "isBuy": True}, [L]),
        ({"cancelAllOrders": True}, ["cancel"]),
        ({"action": "exit", "market_position": ""}, [XL, XS]),
        ({"code": "ENTER-LONG_Binance_BTCUSDT_bot_15M_0a1b"}, [L]),
        ({"code": "EXIT-ALL_Binance_BTCUSDT_bot_15M_0a1b"}, [XL, XS]),
        ({"type": "STOP_MARKET", "action": "exit long", "stopPrice": 61000}, [XL]),
    ],
)
def test_everything_an_alert_says_counts(body: dict[str, Any], expected: list[str]) -> None:
    """Orders, sides, positions, sizes, flags, and what TradingView calls its orders."""
    assert actions(body) == expected


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"action": "enter long", "side": "short"}, ("action", "side")),
        ({"action": "enter", "market_position": "flat", "side": "long"}, ("action", "market_pos")),
        ({"action": "buy", "reduce_only": True, "positionSide": "LONG"}, ("action", "positionS")),
        ({"action": "exit long", "side": "short"}, ("action", "side")),
        ({"action": "open", "close_position": True}, ("close_position", "action")),
        ({"action": "reverse", "reduce_only": True, "side": "long"}, ("reduce_only", "action")),
        ({"action": "buy", "position": -1}, ("action", "position")),
        ({"action": "sell", "market_position": ""}, ("market_position ''", "has no value")),
        ({"action": "sell", "position_size": "NaN"}, ("position_size 'NaN'", "has no value")),
        (
            {"side": "SELL", "type": "STOP_MARKET", "stopPrice": 6, "closePosition": True},
            ("type 'STOP_MARKET'", "conditional orders"),
        ),
        ({"signal_type": "moon"}, ("signal_type 'moon'",)),
        ({"action": "buy", "sell": True}, ("action", "sell")),
        ({"action": "cancel", "type": "exit"}, ("action", "type")),
        ({"order_action": "buy", "action": "sell"}, ("order_action", "action")),
        ({"action": "buy", "sentiment": "short"}, ("action", "sentiment")),
        ({"market_position": "long", "position_size": 0, "action": "buy"}, ("market_pos", "size")),
        ({"market_position": "long", "sentiment": "flat", "action": "buy"}, ("market", "senti")),
    ],
)
def test_contradictions_are_refused_by_both_names(
    body: dict[str, Any], named: tuple[str, ...]
) -> None:
    """So that the sender sees which two do not fit."""
    with pytest.raises(InvalidSignal) as refused:
        actions(body)
    assert all(name in str(refused.value) for name in named), refused.value


_CLOSING: tuple[dict[str, Any], ...] = (
    {"reduce_only": True}, {"reduceOnly": "1"}, {"closePosition": True}, {"order_type": "close"},
    {"position_size": 0}, {"market_position": "flat"}, {"sentiment": "neutral"},
    {"position": "flat"}, {"direction": "flat"}, {"is_exit": "yes"}, {"exit": True},
    {"market_position_size": "0"}, {"type": "exit"}, {"close_all": True}, {"exitOnly": True},
)  # fmt: skip
_MORE: tuple[dict[str, Any], ...] = (
    {"side": "long"}, {"side": "short"}, {"positionSide": "BOTH"}, {"order_type": "market"},
    {"prev_market_position": "long"}, {"prev_market_position": "flat"}, {"contracts": 1},
    {"qty": 1}, {"qty": "50%"}, {"signal": "buy"}, {"signal": "enter_long"}, {"type": "entry"},
    {"action": "sell"}, {"action": "buy"}, {"action": "reverse"}, {"position_size": 3},
    {"market_position": "long"}, {"comment": "Long"}, {"sl": 60000}, {"strategy": "up"},
)  # fmt: skip


@given(
    st.sampled_from(_CLOSING), st.lists(st.sampled_from(_MORE), max_size=4),
    st.sampled_from(Direction),
)  # fmt: skip
def test_what_closes_never_opens(
    closing: dict[str, Any], more: list[dict[str, Any]], direction: Direction
) -> None:
    """One word that closes is enough, whatever else is said: an exit, nothing, or a refusal."""
    body: dict[str, Any] = {}
    for each in more:
        body |= each
    body |= closing
    try:
        found = actions(body, direction=direction)
    except InvalidSignal:
        return
    assert not {L, S} & set(found)
