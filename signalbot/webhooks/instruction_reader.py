"""Collects the instructions of an alert; rejects values that cannot be parsed."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from signalbot.domain.errors import InvalidSignal
from signalbot.domain.orders import OrderSide
from signalbot.domain.position_tracking import ReportedPosition
from signalbot.domain.signals import Side
from signalbot.webhooks.actions import ActionKind, ParsedAction, parse_action, position_of
from signalbot.webhooks.aliases import FieldRole
from signalbot.webhooks.field_roles import role_of
from signalbot.webhooks.fields import AlertField, AlertFields, quoted_value
from signalbot.webhooks.instructions import (
    SIDE_TOKENS,
    Instructions,
    parse_boolean,
    unknown_value_error,
)
from signalbot.webhooks.labels import CLOSING_TOKENS, LABELS, read_generated, read_label
from signalbot.webhooks.name_tokens import token_set, tokenize
from signalbot.webhooks.number_parsing import number_or_none
from signalbot.webhooks.type_field import TEST_TOKENS, is_market_kind, read_market_kind, read_type


def collect_instructions(fields: AlertFields) -> Instructions:
    """Collect the instructions in the fields of an alert.

    Raises:
        InvalidSignal: a word is unknown, or a placeholder is not filled.
    """
    instructions = Instructions()
    for each in fields:
        role = role_of(each)
        reader = _READERS.get(role) if role is not None else None
        if reader is not None:
            _reject_placeholder(each)
            reader(instructions, each)
        elif role is None:
            _read_unknown(instructions, each)
        elif role in (FieldRole.ID, FieldRole.REASON):
            read_generated(instructions, each)
        elif each.segments[-1] in LABELS:
            read_label(instructions, each)
    _drop_order_of_trade_side(instructions)
    _separate_orders(instructions, fields)
    _add_opposite_order(instructions, fields)
    if instructions.cancel is not None and not instructions.statements:
        instructions.add(instructions.cancel, ParsedAction(ActionKind.CANCEL))
    if instructions.labels and not instructions.statements:
        raise unknown_value_error(instructions.labels[0])
    return instructions


def _drop_order_of_trade_side(instructions: Instructions) -> None:
    """Drop the side of ``side: buy, tradeSide: close``: Bitget closes a long with it."""
    if any(
        each.field.segments[-1] == ("trade", "side")
        and each.action == ParsedAction(ActionKind.EXIT)
        for each in instructions.statements
    ):
        instructions.statements = [
            each
            for each in instructions.statements
            if each.action.kind is not ActionKind.ORDER or each.field.segments[-1] != ("side",)
        ]


def _separate_orders(instructions: Instructions, fields: AlertFields) -> None:
    """Treat ``sell`` alone as closing a long if ``sell`` and ``short`` are separate flags."""
    flags = {each.segments[-1][-1:]: parse_boolean(each) for each in fields if each.segments[-1]}
    for order, side in ((OrderSide.SELL, "short"), (OrderSide.BUY, "long")):
        flag = next((each for each in fields if each.segments[-1] == (side,)), None)
        orders = [each for each in instructions.of(ActionKind.ORDER) if each.action.order is order]
        if flag is not None and parse_boolean(flag) is False and not flag.is_empty and orders:
            is_flag = any(parse_boolean(each.field) for each in orders)
            if not is_flag:
                instructions.add(flag, ParsedAction(ActionKind.CLOSES_ONLY))
    for word, side, of_position in (("sell", "short", Side.LONG), ("buy", "long", Side.SHORT)):
        if not flags.get((word,)) or flags.get((side,)) is not False:
            continue
        instructions.statements = [
            replace(each, action=ParsedAction(ActionKind.EXIT, side=of_position))
            if each.action.kind is ActionKind.ORDER and each.field.segments[-1][-1:] == (word,)
            else each
            for each in instructions.statements
        ]


def _add_opposite_order(instructions: Instructions, fields: AlertFields) -> None:
    """Treat ``is_buy: false`` as a sell if no other field has a direction."""
    flags = {each.segments[-1]: each for each in fields if parse_boolean(each) is not None}
    if instructions.of(*(kind for kind in ActionKind if kind is not ActionKind.CLOSES_ONLY)):
        return
    for name, other, order in (("buy", "sell", OrderSide.SELL), ("sell", "buy", OrderSide.BUY)):
        flag = flags.get(("is", name))
        if flag is not None and parse_boolean(flag) is False and ("is", other) not in flags:
            instructions.add(flag, ParsedAction(ActionKind.ORDER, order=order))


def _reject_placeholder(each: AlertField) -> None:
    if each.placeholder is not None:
        raise InvalidSignal(
            f"{each.name}: the placeholder {quoted_value(each.placeholder)} was not filled"
        )


# --- one reader per role --------------------------------------------------------------------------


def _read_verb(instructions: Instructions, each: AlertField) -> None:
    if each.value.lower() != "none" and each.is_empty:
        return
    if each.segments[-1] == ("c",) and is_market_kind(each):
        read_market_kind(instructions, each)
        return
    if each.segments[-1] == ("c",):  # Autoview: c=position, c=order
        action = {
            "position": ParsedAction(ActionKind.EXIT),
            "order": ParsedAction(ActionKind.CANCEL),
        }.get(each.value.lower())
        instructions.add(each, action)
        return
    instructions.add(each, parse_action(each.value))


def _read_side(instructions: Instructions, each: AlertField) -> None:
    if each.is_empty or each.value.lower() in ("both", "net"):
        return
    if each.value.lower() in ("flat", "neutral"):
        instructions.add(each, ParsedAction(ActionKind.AFTER, position=ReportedPosition.FLAT))
        return
    instructions.add(each, parse_action(each.value))


def _read_side_or_position(instructions: Instructions, each: AlertField) -> None:
    """Read ``position``: the side, or the current position."""
    if number_or_none(each.value) is not None:
        _read_position_size(instructions, each)
    elif position_of(each.value) is ReportedPosition.FLAT and each.value.lower() not in (
        "close",
        "exit",
    ):
        instructions.add(each, ParsedAction(ActionKind.AFTER, position=ReportedPosition.FLAT))
    else:
        _read_side(instructions, each)


def _read_position(instructions: Instructions, each: AlertField) -> None:
    if each.is_empty and each.value.lower() != "none":
        instructions.empty_positions.append(each)
    elif number_or_none(each.value) is not None:
        _read_position_size(instructions, each)
    elif each.value.lower() == "none" or not each.is_empty:
        position = position_of(each.value)
        instructions.add(
            each, None if position is None else ParsedAction(ActionKind.AFTER, position=position)
        )


def _read_previous(instructions: Instructions, each: AlertField) -> None:
    size = number_or_none(each.value)
    if each.is_empty and each.value.lower() != "none":
        instructions.empty_positions.append(each)
    elif size is not None:
        held = (
            ReportedPosition.FLAT
            if size == 0
            else ReportedPosition.LONG
            if size > 0
            else ReportedPosition.SHORT
        )
        instructions.add(each, ParsedAction(ActionKind.BEFORE, position=held))
    else:
        position = position_of(each.value)
        instructions.add(
            each, None if position is None else ParsedAction(ActionKind.BEFORE, position=position)
        )


def _read_position_size(instructions: Instructions, each: AlertField) -> None:
    value = number_or_none(each.value)
    if each.is_empty:
        instructions.empty_positions.append(each)
    if value is None:
        return  # "5%" and the like: an order size
    if instructions.position_size is not None and instructions.position_size[0] != value:
        raise InvalidSignal(f"{instructions.position_size[1]} and {each} contradict each other")
    instructions.position_size = (value, each)
    instructions.used_fields.add(each.name)


def _read_held(instructions: Instructions, each: AlertField) -> None:
    value = number_or_none(each.value)
    if value is not None:
        instructions.size_held = (abs(value), each)
        instructions.used_fields.add(each.name)


def _read_held_before(instructions: Instructions, each: AlertField) -> None:
    value = number_or_none(each.value)
    if value is not None:
        instructions.size_held_before = (abs(value), each)
        instructions.used_fields.add(each.name)


def _read_effect(instructions: Instructions, each: AlertField) -> None:
    """Read whether an order opens or closes, as ``offset: close``; a number is a price offset."""
    text = each.value.lower()
    if each.is_empty or (each.segments[-1] == ("offset",) and number_or_none(text) is not None):
        return
    action = ParsedAction(ActionKind.CLOSES_ONLY) if text in ("c", "close") else parse_action(text)
    if action is None and {"reduce", "only"} <= set(tokenize(text)):
        action = ParsedAction(ActionKind.CLOSES_ONLY)
    if text in ("o", "open") or (action is not None and action.kind is ActionKind.NOTHING):
        instructions.used_fields.add(each.name)
        return
    instructions.add(each, action)


def _read_opens(instructions: Instructions, each: AlertField) -> None:
    """Read ``is_entry``; false means no entry."""
    flag = parse_boolean(each)
    if flag:
        instructions.add(each, ParsedAction(ActionKind.ENTER))
    elif not each.is_empty:
        instructions.add(each, None if flag is None else ParsedAction(ActionKind.CLOSES_ONLY))


def _read_exposure(instructions: Instructions, each: AlertField) -> None:
    """Read a held or target exposure; only zero matters."""
    if number_or_none(each.value.strip().removesuffix("%")) == 0:
        instructions.add(each, ParsedAction(ActionKind.AFTER, position=ReportedPosition.FLAT))


def _read_order_type(instructions: Instructions, each: AlertField) -> None:
    read_type(instructions, each, is_order_type=True)


def _read_closes(instructions: Instructions, each: AlertField) -> None:
    tokens = [word for word in each.segments[-1] if word not in ("is", "current")]
    name = " ".join(tokens) if parse_action(" ".join(tokens)) is not None else "close"
    _read_switch(instructions, each, lambda: _flag_meaning(each, "close"), otherwise=name)


def _read_reduces(instructions: Instructions, each: AlertField) -> None:
    _read_switch(
        instructions, each, lambda: ParsedAction(ActionKind.CLOSES_ONLY), otherwise="reduce"
    )


def _read_reverses(instructions: Instructions, each: AlertField) -> None:
    _read_switch(instructions, each, lambda: ParsedAction(ActionKind.REVERSE), otherwise="reverse")


def _read_cancels(instructions: Instructions, each: AlertField) -> None:
    """Read a cancel flag: alone a request; next to an order it concerns the sender's exchange."""
    if parse_boolean(each):
        instructions.cancel = each
    instructions.used_fields.add(each.name)


def _read_flag(instructions: Instructions, each: AlertField) -> None:
    _read_switch(instructions, each, lambda: _flag_meaning(each, ""), otherwise=None)


def _read_switch(
    instructions: Instructions,
    each: AlertField,
    set_: Callable[[], ParsedAction | None],
    *,
    otherwise: str | None,
) -> None:
    """Read a flag: true means ``set_()``; other words are parsed after ``otherwise``.

    Raises:
        InvalidSignal: it is neither.
    """
    flag = parse_boolean(each)
    if flag:
        instructions.add(each, set_())
    elif flag is False:
        instructions.used_fields.add(each.name)
    elif otherwise is None:
        raise InvalidSignal(f"{each}: expected true or false")
    else:
        instructions.add(each, parse_action(f"{otherwise} {each.value}"))


def _flag_meaning(each: AlertField, otherwise: str) -> ParsedAction | None:
    """Return the action named by a flag such as ``exit_long: true``."""
    name = [
        word for word in each.segments[-1] if word not in ("is", "signal", "condition", "current")
    ]
    return parse_action(" ".join(name)) or parse_action(otherwise)


def _read_test(instructions: Instructions, each: AlertField) -> None:
    flag = parse_boolean(each)
    if "live" in each.segments[-1]:
        flag = None if flag is None or each.is_empty else not flag
    elif flag is None:
        flag = bool(set(tokenize(each.value)) & TEST_TOKENS) or None
    if flag is not None:
        instructions.is_test = instructions.is_test or flag
        instructions.used_fields.add(each.name)


def _read_unknown(instructions: Instructions, each: AlertField) -> None:
    """Read an unknown field if its value is a direction."""
    named = tokenize(each.value)
    if each.placeholder is not None:
        return
    if ("reduce", "only") in pairwise(named):
        instructions.add(each, ParsedAction(ActionKind.CLOSES_ONLY))
    elif len(each.value) < _MAX_TOKEN and parse_boolean(each) is None:
        action = parse_action(each.value)
        plain = {word for word in named if not word.isdecimal()}
        is_end = bool(plain) and plain <= CLOSING_TOKENS
        if action is not None and set(named) & SIDE_TOKENS:
            instructions.add(each, action)
        elif is_end or (action is not None and action.kind in (ActionKind.EXIT, ActionKind.REDUCE)):
            of_prices = _OF_PRICES & {word for segment in each.segments for word in segment}
            instructions.unresolved += [] if of_prices else [each]


_OF_PRICES = token_set("src source price candle bar trigger frequency freq calc input ohlc on line")
_MAX_TOKEN = 24
_READERS = {
    FieldRole.VERB: _read_verb,
    FieldRole.SIDE: _read_side,
    FieldRole.SIDE_OR_POSITION: _read_side_or_position,
    FieldRole.POSITION: _read_position,
    FieldRole.PREVIOUS_POSITION: _read_previous,
    FieldRole.POSITION_SIZE: _read_position_size,
    FieldRole.MARKET_SIZE: _read_held,
    FieldRole.PREVIOUS_SIZE: _read_held_before,
    FieldRole.CLOSES: _read_closes,
    FieldRole.REDUCES: _read_reduces,
    FieldRole.BUYS: _read_flag,
    FieldRole.SELLS: _read_flag,
    FieldRole.REVERSES: _read_reverses,
    FieldRole.CANCELS: _read_cancels,
    FieldRole.TYPE: read_type,
    FieldRole.ORDER_TYPE: _read_order_type,
    FieldRole.EFFECT: _read_effect,
    FieldRole.OPENS: _read_opens,
    FieldRole.EXPOSURE: _read_exposure,
    FieldRole.MARKET_KIND: read_market_kind,
    FieldRole.TEST: _read_test,
}
