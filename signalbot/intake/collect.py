"""Collects the instructions in an alert, and refuses what cannot be understood."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from signalbot.domain.alignment import Stance
from signalbot.domain.errors import BadSignal
from signalbot.domain.orders import OrderSide
from signalbot.domain.signals import Side
from signalbot.intake.aliases import Role, role_of
from signalbot.intake.fields import Field, Fields, shown
from signalbot.intake.labels import ENDS, LABELS, read_generated, read_label
from signalbot.intake.names import word_set, words
from signalbot.intake.numbers import number_or_none
from signalbot.intake.statements import SIDED, Instructions, boolean, unknown
from signalbot.intake.types import TRIAL, is_market_kind, read_market_kind, read_type
from signalbot.intake.verbs import Kind, Meaning, meaning_of, stance_of


def collect(fields: Fields) -> Instructions:
    """The instructions in the fields of an alert.

    Raises:
        BadSignal: a word is unknown, or a placeholder is not filled.
    """
    instructions = Instructions()
    for each in fields:
        role = role_of(each)
        reader = _READERS.get(role) if role is not None else None
        if reader is not None:
            _refuse_placeholder(each)
            reader(instructions, each)
        elif role is None:
            _read_unknown(instructions, each)
        elif role in (Role.ID, Role.REASON):
            read_generated(instructions, each)
        elif each.segments[-1] in LABELS:
            read_label(instructions, each)
    _pass_over_order_of_trade_side(instructions)
    _separate_orders(instructions, fields)
    _add_opposite_order(instructions, fields)
    if instructions.cancel is not None and not instructions.statements:
        instructions.add(instructions.cancel, Meaning(Kind.CANCEL))
    if instructions.labels and not instructions.statements:
        raise unknown(instructions.labels[0])
    return instructions


def _pass_over_order_of_trade_side(instructions: Instructions) -> None:
    """Bitget closes a long with ``side: buy, tradeSide: close``: such an order tells no side."""
    if any(
        each.field.segments[-1] == ("trade", "side") and each.meaning == Meaning(Kind.EXIT)
        for each in instructions.statements
    ):
        instructions.statements = [
            each
            for each in instructions.statements
            if each.meaning.kind is not Kind.ORDER or each.field.segments[-1] != ("side",)
        ]


def _separate_orders(instructions: Instructions, fields: Fields) -> None:
    """Where ``sell`` and ``short`` are flags of their own, a ``sell`` alone closes a long."""
    flags = {each.segments[-1][-1:]: boolean(each) for each in fields if each.segments[-1]}
    for order, side in ((OrderSide.SELL, "short"), (OrderSide.BUY, "long")):
        flag = next((each for each in fields if each.segments[-1] == (side,)), None)
        orders = [each for each in instructions.of(Kind.ORDER) if each.meaning.order is order]
        if flag is not None and boolean(flag) is False and not flag.is_empty and orders:
            is_flag = any(boolean(each.field) for each in orders)
            if not is_flag:
                instructions.add(flag, Meaning(Kind.CLOSES_ONLY))
    for word, side, of_position in (("sell", "short", Side.LONG), ("buy", "long", Side.SHORT)):
        if not flags.get((word,)) or flags.get((side,)) is not False:
            continue
        instructions.statements = [
            replace(each, meaning=Meaning(Kind.EXIT, side=of_position))
            if each.meaning.kind is Kind.ORDER and each.field.segments[-1][-1:] == (word,)
            else each
            for each in instructions.statements
        ]


def _add_opposite_order(instructions: Instructions, fields: Fields) -> None:
    """``is_buy: false`` is a sell where nothing else names a direction."""
    flags = {each.segments[-1]: each for each in fields if boolean(each) is not None}
    if instructions.of(*(kind for kind in Kind if kind is not Kind.CLOSES_ONLY)):
        return
    for name, other, order in (("buy", "sell", OrderSide.SELL), ("sell", "buy", OrderSide.BUY)):
        flag = flags.get(("is", name))
        if flag is not None and boolean(flag) is False and ("is", other) not in flags:
            instructions.add(flag, Meaning(Kind.ORDER, order=order))


def _refuse_placeholder(each: Field) -> None:
    if each.placeholder is not None:
        raise BadSignal(f"{each.name}: the placeholder {shown(each.placeholder)} was not filled")


# --- one reader per role --------------------------------------------------------------------------


def _read_verb(instructions: Instructions, each: Field) -> None:
    if each.value.lower() != "none" and each.is_empty:
        return
    if each.segments[-1] == ("c",) and is_market_kind(each):
        read_market_kind(instructions, each)
        return
    if each.segments[-1] == ("c",):  # Autoview: c=position, c=order
        meaning = {"position": Meaning(Kind.EXIT), "order": Meaning(Kind.CANCEL)}.get(
            each.value.lower()
        )
        instructions.add(each, meaning)
        return
    instructions.add(each, meaning_of(each.value))


def _read_side(instructions: Instructions, each: Field) -> None:
    if each.is_empty or each.value.lower() in ("both", "net"):
        return
    if each.value.lower() in ("flat", "neutral"):
        instructions.add(each, Meaning(Kind.AFTER, stance=Stance.FLAT))
        return
    instructions.add(each, meaning_of(each.value))


def _read_standing(instructions: Instructions, each: Field) -> None:
    """``position``: the side that is meant, or what is held now."""
    if number_or_none(each.value) is not None:
        _read_position_size(instructions, each)
    elif stance_of(each.value) is Stance.FLAT and each.value.lower() not in ("close", "exit"):
        instructions.add(each, Meaning(Kind.AFTER, stance=Stance.FLAT))
    else:
        _read_side(instructions, each)


def _read_position(instructions: Instructions, each: Field) -> None:
    if each.is_empty and each.value.lower() != "none":
        instructions.blanks.append(each)
    elif number_or_none(each.value) is not None:
        _read_position_size(instructions, each)
    elif each.value.lower() == "none" or not each.is_empty:
        stance = stance_of(each.value)
        instructions.add(each, None if stance is None else Meaning(Kind.AFTER, stance=stance))


def _read_previous(instructions: Instructions, each: Field) -> None:
    size = number_or_none(each.value)
    if each.is_empty and each.value.lower() != "none":
        instructions.blanks.append(each)
    elif size is not None:
        held = Stance.FLAT if size == 0 else Stance.LONG if size > 0 else Stance.SHORT
        instructions.add(each, Meaning(Kind.BEFORE, stance=held))
    else:
        stance = stance_of(each.value)
        instructions.add(each, None if stance is None else Meaning(Kind.BEFORE, stance=stance))


def _read_position_size(instructions: Instructions, each: Field) -> None:
    value = number_or_none(each.value)
    if each.is_empty:
        instructions.blanks.append(each)
    if value is None:
        return  # "5%" and the like: the size of an order
    if instructions.position_size is not None and instructions.position_size[0] != value:
        raise BadSignal(f"{instructions.position_size[1]} and {each} contradict each other")
    instructions.position_size = (value, each)
    instructions.understood.add(each.name)


def _read_held(instructions: Instructions, each: Field) -> None:
    value = number_or_none(each.value)
    if value is not None:
        instructions.held = (abs(value), each)
        instructions.understood.add(each.name)


def _read_held_before(instructions: Instructions, each: Field) -> None:
    value = number_or_none(each.value)
    if value is not None:
        instructions.held_before = (abs(value), each)
        instructions.understood.add(each.name)


def _read_effect(instructions: Instructions, each: Field) -> None:
    """Whether an order opens or closes, as ``offset: close``; a number there is a price's."""
    text = each.value.lower()
    if each.is_empty or (each.segments[-1] == ("offset",) and number_or_none(text) is not None):
        return
    meaning = Meaning(Kind.CLOSES_ONLY) if text in ("c", "close") else meaning_of(text)
    if meaning is None and {"reduce", "only"} <= set(words(text)):
        meaning = Meaning(Kind.CLOSES_ONLY)
    if text in ("o", "open") or (meaning is not None and meaning.kind is Kind.NOTHING):
        instructions.understood.add(each.name)
        return
    instructions.add(each, meaning)


def _read_opens(instructions: Instructions, each: Field) -> None:
    """``is_entry: false`` is no entry."""
    flag = boolean(each)
    if flag:
        instructions.add(each, Meaning(Kind.ENTER))
    elif not each.is_empty:
        instructions.add(each, None if flag is None else Meaning(Kind.CLOSES_ONLY))


def _read_exposure(instructions: Instructions, each: Field) -> None:
    """What is held or wanted; only that it is nothing counts."""
    if number_or_none(each.value.strip().removesuffix("%")) == 0:
        instructions.add(each, Meaning(Kind.AFTER, stance=Stance.FLAT))


def _read_order_type(instructions: Instructions, each: Field) -> None:
    read_type(instructions, each, is_order_type=True)


def _read_closes(instructions: Instructions, each: Field) -> None:
    words_ = [word for word in each.segments[-1] if word not in ("is", "current")]
    name = " ".join(words_) if meaning_of(" ".join(words_)) is not None else "close"
    _read_switch(instructions, each, lambda: _flag_meaning(each, "close"), otherwise=name)


def _read_reduces(instructions: Instructions, each: Field) -> None:
    _read_switch(instructions, each, lambda: Meaning(Kind.CLOSES_ONLY), otherwise="reduce")


def _read_reverses(instructions: Instructions, each: Field) -> None:
    _read_switch(instructions, each, lambda: Meaning(Kind.REVERSE), otherwise="reverse")


def _read_cancels(instructions: Instructions, each: Field) -> None:
    """Beside an order it is about orders at the sender's exchange; alone it is the request."""
    if boolean(each):
        instructions.cancel = each
    instructions.understood.add(each.name)


def _read_flag(instructions: Instructions, each: Field) -> None:
    _read_switch(instructions, each, lambda: _flag_meaning(each, ""), otherwise=None)


def _read_switch(
    instructions: Instructions,
    each: Field,
    set_: Callable[[], Meaning | None],
    *,
    otherwise: str | None,
) -> None:
    """A flag that is set means ``set_()``; a word in its place is read after ``otherwise``.

    Raises:
        BadSignal: it is neither.
    """
    flag = boolean(each)
    if flag:
        instructions.add(each, set_())
    elif flag is False:
        instructions.understood.add(each.name)
    elif otherwise is None:
        raise BadSignal(f"{each}: it can only be true or false")
    else:
        instructions.add(each, meaning_of(f"{otherwise} {each.value}"))


def _flag_meaning(each: Field, otherwise: str) -> Meaning | None:
    """``exit_long: true`` means what its name means."""
    name = [
        word for word in each.segments[-1] if word not in ("is", "signal", "condition", "current")
    ]
    return meaning_of(" ".join(name)) or meaning_of(otherwise)


def _read_test(instructions: Instructions, each: Field) -> None:
    flag = boolean(each)
    if "live" in each.segments[-1]:
        flag = None if flag is None or each.is_empty else not flag
    elif flag is None:
        flag = bool(set(words(each.value)) & TRIAL) or None
    if flag is not None:
        instructions.is_test = instructions.is_test or flag
        instructions.understood.add(each.name)


def _read_unknown(instructions: Instructions, each: Field) -> None:
    """An unknown name whose value is a word of direction: it counts like any other."""
    named = words(each.value)
    if each.placeholder is not None:
        return
    if ("reduce", "only") in pairwise(named):
        instructions.add(each, Meaning(Kind.CLOSES_ONLY))
    elif len(each.value) < _LONGEST_WORD and boolean(each) is None:
        meaning = meaning_of(each.value)
        plain = {word for word in named if not word.isdecimal()}
        is_end = bool(plain) and plain <= ENDS
        if meaning is not None and set(named) & SIDED:
            instructions.add(each, meaning)
        elif is_end or (meaning is not None and meaning.kind in (Kind.EXIT, Kind.REDUCE)):
            of_prices = _OF_PRICES & {word for segment in each.segments for word in segment}
            instructions.doubts += [] if of_prices else [each]


_OF_PRICES = word_set("src source price candle bar trigger frequency freq calc input ohlc on line")
_LONGEST_WORD = 24
_READERS = {
    Role.VERB: _read_verb,
    Role.SIDE: _read_side,
    Role.STANDING: _read_standing,
    Role.POSITION: _read_position,
    Role.PREVIOUS_POSITION: _read_previous,
    Role.POSITION_SIZE: _read_position_size,
    Role.MARKET_SIZE: _read_held,
    Role.PREVIOUS_SIZE: _read_held_before,
    Role.CLOSES: _read_closes,
    Role.REDUCES: _read_reduces,
    Role.BUYS: _read_flag,
    Role.SELLS: _read_flag,
    Role.REVERSES: _read_reverses,
    Role.CANCELS: _read_cancels,
    Role.TYPE: read_type,
    Role.ORDER_TYPE: _read_order_type,
    Role.EFFECT: _read_effect,
    Role.OPENS: _read_opens,
    Role.EXPOSURE: _read_exposure,
    Role.MARKET_KIND: read_market_kind,
    Role.TEST: _read_test,
}
