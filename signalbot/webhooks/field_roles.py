"""Determines the role of a field from its name and value."""

import re
from collections.abc import Mapping, Sequence

from signalbot.webhooks.aliases import ALIASES, FieldRole
from signalbot.webhooks.fields import AlertField
from signalbot.webhooks.name_tokens import NameTokens, tokenize

_MIN_JOINED_LENGTH = 8
_ROLE_BY_NAME: Mapping[str, FieldRole] = {
    " ".join(tokenize(name)): role for role, names in ALIASES.items() for name in names
}
_JOINED_ALIASES: Mapping[str, FieldRole] = {
    name: role
    for name, role in _ROLE_BY_NAME.items()
    if " " not in name and len(name) >= _MIN_JOINED_LENGTH
}
"""Single-word names that may be split: ``PassPhrase``, ``time_stamp``."""
_PREFIXES = frozenset(
    {
        "tv",
        "the",
        "strategy",
        "alert",
        "webhook",
        "trade",
        "my",
        "signal",
        "is",
        "source",
        "request",
        "sender",
        "order",
    }
)
_COIN = re.compile(r"[A-Z]{2,10}")
_PRICES_OR_FLAGS = {
    ("close",): FieldRole.CLOSES,
    ("entry",): FieldRole.OPENS,
    ("open",): FieldRole.OPENS,
}
_ON_OR_OFF = frozenset({"true", "false", "yes", "no", "on", "off"})
_SIDES = frozenset({"long", "short", "all", "position", "both"})
_SHARE = re.compile(r"\d{1,3}(\.\d+)?\s*%")
_AMOUNT = re.compile(r"\d+(\.\d+)?%?")
_BARS = frozenset({"bar", "candle", "ohlc", "ohlcv", "kline", "symbol data", "chart", "price data"})
_OF_BARS = {"close": FieldRole.PRICE, "time": FieldRole.BAR_TIME, "timestamp": FieldRole.BAR_TIME}


def role_of(field: AlertField) -> FieldRole | None:
    """Return the role of a field; None if its name is unknown."""
    segments = _without_indexes(field.segments)
    leaf, around = segments[-1], _parent_name(segments)
    if " ".join(around) in _BARS:
        return _OF_BARS.get(" ".join(leaf), FieldRole.HARMLESS)
    found = _role_by_value(leaf, field.value.strip())
    for name in (around + leaf, leaf):
        found = found or _role(name)
    return found


def _role_by_value(leaf: NameTokens, text: str) -> FieldRole | None:
    """Return the role of an ambiguous name if the value decides it."""
    if leaf == ("token",) and _COIN.fullmatch(text):
        return FieldRole.SYMBOL  # a coin; other senders put their secret here
    if leaf == ("contracts",) and _AMOUNT.fullmatch(text):
        return FieldRole.CONTRACTS  # a number; other senders name the contract
    if leaf in _PRICES_OR_FLAGS and text.lower() in _ON_OR_OFF:
        return _PRICES_OR_FLAGS[leaf]
    if leaf == ("close",) and (text.lower() in _SIDES or _SHARE.fullmatch(text)):
        return FieldRole.CLOSES
    return None


def _without_indexes(segments: Sequence[NameTokens]) -> Sequence[NameTokens]:
    """Drop list indexes: ``pairs.0`` is one of ``pairs``."""
    while len(segments) > 1 and segments[-1] and segments[-1][0].isdecimal():
        segments = segments[:-1]
    return segments


def _parent_name(segments: Sequence[NameTokens]) -> NameTokens:
    """Return the words of the nearest parent name, skipping list indexes."""
    for segment in reversed(segments[:-1]):
        if segment and not segment[0].isdecimal():
            return segment
    return ()


def _role(name: NameTokens) -> FieldRole | None:
    """Return the role of a name, ignoring insignificant prefixes."""
    while name:
        found = _ROLE_BY_NAME.get(" ".join(name)) or _JOINED_ALIASES.get("".join(name))
        if found is not None or name[0] not in _PREFIXES:
            return found
        name = name[1:]
    return None
