"""Determines the market of an alert from all fields that name one."""

import re
from collections.abc import Sequence

from signalbot.domain.errors import InvalidSignal
from signalbot.webhooks.aliases import FieldRole
from signalbot.webhooks.fields import AlertField, quoted_value
from signalbot.webhooks.instructions import AlertMarketKind, Instructions
from signalbot.webhooks.name_tokens import token_set
from signalbot.webhooks.symbols import find_market, is_currency, looks_like_a_market

Roles = Sequence[tuple[AlertField, FieldRole | None]]

_KINDS = token_set("spot margin futures future perp perpetual swap linear crypto")


def resolve_market(fields: Roles, instructions: Instructions, markets: Sequence[str]) -> str:
    """Return the market of an alert, one of ``markets``.

    Raises:
        InvalidSignal: it names another market or several, or none although the source has several.
    """
    candidates = _of_kind(instructions, markets)
    found = _named_market(fields, instructions, candidates)
    found = _with_base(fields, instructions, found, candidates)
    if found is None:
        found = _only_market(fields, markets)
    _check_quote(fields, instructions, found)
    if instructions.market_kind is not None:
        kind, field = instructions.market_kind
        if (":" in found) is not (kind == AlertMarketKind.SWAP):
            raise InvalidSignal(f"{field}: this source trades {found}, a market of another kind")
    return found


def _of_kind(instructions: Instructions, markets: Sequence[str]) -> Sequence[str]:
    """Return the markets of the alert's kind, if there are any."""
    if instructions.market_kind is None:
        return markets
    is_swap = instructions.market_kind[0] == AlertMarketKind.SWAP
    return [each for each in markets if (":" in each) is is_swap] or markets


def _named_market(fields: Roles, instructions: Instructions, markets: Sequence[str]) -> str | None:
    """Return the market named by all market fields."""
    named: list[tuple[AlertField, str]] = []
    for each, role in fields:
        if role is not FieldRole.SYMBOL:
            continue
        if each.placeholder is not None:
            raise InvalidSignal(
                f"{each.name}: the placeholder {quoted_value(each.placeholder)} was not filled"
            )
        if each.is_empty or _is_not_symbol(each):
            continue
        named.append((each, _market(each, markets)))
        instructions.used_fields.add(each.name)
    for each, market in named[1:]:
        if market != named[0][1]:
            raise InvalidSignal(f"{named[0][0]} and {each} name different markets")
    return named[0][1] if named else None


def _is_not_symbol(each: AlertField) -> bool:
    """Whether a market field is a kind (``market: futures``) or money (``currency: USDT``)."""
    leaf, text = " ".join(each.segments[-1]), each.value.strip()
    if text.lower() in ("true", "false"):
        return True
    if leaf in ("currency", "asset", "coin", "product") and is_currency(text):
        return True
    return leaf in ("market", "product", "instrument", "asset") and text.lower() in _KINDS


def _with_base(
    fields: Roles, instructions: Instructions, found: str | None, markets: Sequence[str]
) -> str | None:
    """Resolve a lone base coin if it is unambiguous; check it against a symbol."""
    for each, role in fields:
        text = each.value.strip()
        if role is not FieldRole.BASE or each.is_empty or not text.isalnum() or text.isdecimal():
            continue
        found = _market(each, markets if found is None else [found])
        instructions.used_fields.add(each.name)
    return found


def _check_quote(fields: Roles, instructions: Instructions, market: str) -> None:
    """Check that no field names another quote currency than the market's."""
    money = market.partition("/")[2].partition(":")[0]
    for each, role in fields:
        if role is not FieldRole.QUOTE or not is_currency(each.value):
            continue
        if each.value.strip().upper() != money:
            raise InvalidSignal(
                f"{each}: this source trades {market}, whose quote currency is {money}"
            )
        instructions.used_fields.add(each.name)


def _only_market(fields: Roles, markets: Sequence[str]) -> str:
    """Return the only market of a source, if no field names another one."""
    if len(markets) != 1:
        raise InvalidSignal("the alert names no symbol, and this source has several")
    (only,) = markets
    for each, role in fields:
        if role in (None, FieldRole.HARMLESS, FieldRole.ID, FieldRole.REASON):
            for part in _PARTS.split(each.value[:_MAX_TEXT]):
                if looks_like_a_market(part) and not is_currency(part):
                    _market(AlertField(each.path, part), markets)
    return only


_PARTS = re.compile(r"[\s,;|()\[\]]+")
_MAX_TEXT = 500


def _market(each: AlertField, markets: Sequence[str]) -> str:
    try:
        return find_market(each.value, markets)
    except InvalidSignal as e:
        raise InvalidSignal(f"{each.name}: {e}") from e
