"""Reads ``type`` fields: an action, an order type, or a market kind."""

from signalbot.domain.errors import InvalidSignal
from signalbot.webhooks.actions import ACTION_TOKENS, parse_action
from signalbot.webhooks.fields import AlertField
from signalbot.webhooks.instructions import (
    ADD_TOKENS,
    CHANGE_TOKENS,
    CONDITIONAL_TOKENS,
    SIDE_TOKENS,
    AlertMarketKind,
    Instructions,
)
from signalbot.webhooks.name_tokens import token_set, tokenize

_IMMEDIATE_TYPES = frozenset(
    {
        "market",
        "limit",
        "mkt",
        "lmt",
        "ioc",
        "fok",
        "post",
        "only",
        "maker",
        "taker",
        "iceberg",
        "twap",
        "vwap",
        "chase",
        "best",
        "bbo",
        "opponent",
        "immediate",
        "or",
        "cancel",
        "fill",
        "kill",
        "order",
        "ask",
        "bid",
        "aggressive",
        "passive",
        "smart",
        "gtc",
        "day",
    }
)
_SPOT = frozenset({"spot", "margin", "cash"})
_SWAP = frozenset({"swap", "perpetual", "perp", "future", "futures", "linear", "derivatives", "um"})
_INVERSE = frozenset({"inverse", "option", "options", "delivery", "cm"})
_LABELS = token_set(
    "signal alert strategy indicator order trade webhook crypto cryptocurrency study custom "
    "tradingview bot text message notification live real hedge one way isolated cross normal "
    "default auto manual once bar percent quote base debug info spot"
)
TEST_TOKENS = frozenset({"test", "paper", "demo", "simulation", "simulate", "sandbox"})
_STRICT = (("type",), ("t",))


def read_type(instructions: Instructions, each: AlertField, *, is_order_type: bool = False) -> None:
    """Read an action, an order type, or a market kind."""
    if each.is_empty and each.value.lower() != "none":
        return
    core = set(tokenize(each.value))
    if core & CONDITIONAL_TOKENS:
        instructions.conditional_order = each
        instructions.used_fields.add(each.name)
    elif core <= _IMMEDIATE_TYPES or core <= _LABELS:
        instructions.used_fields.add(each.name)
    elif core & TEST_TOKENS:
        instructions.is_test = True
        instructions.used_fields.add(each.name)
    elif core & (_SPOT | _SWAP | _INVERSE) and not core & SIDE_TOKENS:
        read_market_kind(instructions, each)
    elif each.segments[-1] not in _STRICT and not any(map(_could_matter, core)):
        instructions.labels.append(each)
        if is_order_type and not core & _LABELS:
            instructions.unresolved.append(each)
    else:
        instructions.add(each, parse_action(each.value))


def is_market_kind(each: AlertField) -> bool:
    """Whether a value consists of market kinds."""
    core = set(tokenize(each.value))
    return bool(core) and core <= _SPOT | _SWAP | _INVERSE


def _could_matter(word: str) -> bool:
    return word in CHANGE_TOKENS or word in ADD_TOKENS or word in ACTION_TOKENS


def read_market_kind(instructions: Instructions, each: AlertField) -> None:
    core = set(tokenize(each.value))
    if core & _INVERSE and not core & {"linear"}:
        raise InvalidSignal(f"{each}: inverse and dated contracts and options are not supported")
    for names, kind in ((_SWAP, AlertMarketKind.SWAP), (_SPOT, AlertMarketKind.SPOT)):
        if core & names:
            instructions.market_kind = (kind, each)
            instructions.used_fields.add(each.name)
            return
