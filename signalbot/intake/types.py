"""Reads a ``type``: a verb in some alerts, the type of the order or of the market in others."""

from signalbot.domain.errors import BadSignal
from signalbot.intake.fields import Field
from signalbot.intake.names import word_set, words
from signalbot.intake.statements import ADDS, CHANGES, SIDED, WAITING, Instructions, MarketKind
from signalbot.intake.verbs import VOCABULARY, meaning_of

_AT_ONCE = frozenset(
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
_LABELS = word_set(
    "signal alert strategy indicator order trade webhook crypto cryptocurrency study custom "
    "tradingview bot text message notification live real hedge one way isolated cross normal "
    "default auto manual once bar percent quote base debug info spot"
)
TRIAL = frozenset({"test", "paper", "demo", "simulation", "simulate", "sandbox"})
_STRICT = (("type",), ("t",))


def read_type(instructions: Instructions, each: Field, *, is_order_type: bool = False) -> None:
    """A verb in some alerts, the type of the order or of the market in others."""
    if each.is_empty and each.value.lower() != "none":
        return
    core = set(words(each.value))
    if core & WAITING:
        instructions.waits = each
        instructions.understood.add(each.name)
    elif core <= _AT_ONCE or core <= _LABELS:
        instructions.understood.add(each.name)
    elif core & TRIAL:
        instructions.is_test = True
        instructions.understood.add(each.name)
    elif core & (_SPOT | _SWAP | _INVERSE) and not core & SIDED:
        read_market_kind(instructions, each)
    elif each.segments[-1] not in _STRICT and not any(map(_could_matter, core)):
        instructions.labels.append(each)
        if is_order_type and not core & _LABELS:
            instructions.doubts.append(each)
    else:
        instructions.add(each, meaning_of(each.value))


def is_market_kind(each: Field) -> bool:
    """Whether a value is one of the kinds of market and nothing else."""
    core = set(words(each.value))
    return bool(core) and core <= _SPOT | _SWAP | _INVERSE


def _could_matter(word: str) -> bool:
    return word in CHANGES or word in ADDS or word in VOCABULARY


def read_market_kind(instructions: Instructions, each: Field) -> None:
    core = set(words(each.value))
    if core & _INVERSE and not core & {"linear"}:
        raise BadSignal(f"{each}: inverse and dated contracts and options are not traded")
    for names, kind in ((_SWAP, MarketKind.SWAP), (_SPOT, MarketKind.SPOT)):
        if core & names:
            instructions.market_kind = (kind, each)
            instructions.understood.add(each.name)
            return
