"""The instructions of one alert, as they are collected field by field."""

from dataclasses import dataclass, field
from decimal import Decimal

from signalbot.domain.errors import InvalidSignal
from signalbot.webhooks.actions import ActionKind, ParsedAction
from signalbot.webhooks.fields import AlertField
from signalbot.webhooks.name_tokens import token_set, tokenize

_TRUE = token_set("true 1 yes on y")
_FALSE = token_set("false 0 no off n")
CONDITIONAL_TOKENS = token_set(
    "stop loss take profit trailing conditional trigger touched oco bracket breakout stoplimit "
    "stopmarket mit lit"
)
"""Words of orders that wait for a price."""
SIDE_TOKENS = token_set("buy sell long short bullish bearish exit flat flatten reverse")
CHANGE_TOKENS = token_set("update modify amend move set adjust change edit")
ADD_TOKENS = token_set("add increase dca average pyramid scale re rebuy safety")


class AlertMarketKind:
    """The kind of market of an alert: ``spot`` or ``swap``."""

    SPOT, SWAP = "spot", "swap"


@dataclass(frozen=True, slots=True)
class Statement:
    """One field, and what it asks for."""

    field: AlertField
    action: ParsedAction


@dataclass(slots=True)
class Instructions:
    """The instructions of one alert."""

    statements: list[Statement] = field(default_factory=list)
    label_statements: list[Statement] = field(default_factory=list)  #: of ids and comments
    conditional_order: AlertField | None = None  #: an order type that waits for a price
    cancel: AlertField | None = None  #: a flag that withdraws entries
    is_test: bool = False
    market_kind: tuple[str, AlertField] | None = None
    position_size: tuple[Decimal, AlertField] | None = None  #: signed, where its sender signs it
    size_held: tuple[Decimal, AlertField] | None = None  #: without a sign
    size_held_before: tuple[Decimal, AlertField] | None = None
    doubts: list[AlertField] = field(default_factory=list)  #: words that an entry cannot pass over
    empty_positions: list[AlertField] = field(default_factory=list)  #: positions without a value
    labels: list[AlertField] = field(default_factory=list)  #: types without a known word
    used_fields: set[str] = field(default_factory=set)  #: names of fields that counted

    def of(self, *kinds: ActionKind) -> list[Statement]:
        return [each for each in self.statements if each.action.kind in kinds]

    def add(self, field_: AlertField, action: ParsedAction | None) -> None:
        if action is None:
            raise unknown_value_error(field_)
        self.used_fields.add(field_.name)
        self.statements.append(Statement(field_, action))


def parse_boolean(field_: AlertField) -> bool | None:
    """Whether a flag is set; None: it is no flag."""
    text = field_.value.lower()
    if text in _TRUE:
        return True
    return False if text in _FALSE or field_.is_empty else None


def unknown_value_error(each: AlertField) -> InvalidSignal:
    """The refusal of a word, with why it cannot be used."""
    core = set(tokenize(each.value))
    if core & CHANGE_TOKENS:
        why = (
            "an alert cannot change an open position; send an exit, or a new entry with its levels"
        )
    elif core & ADD_TOKENS:
        why = "positions are not added to"
    elif core & CONDITIONAL_TOKENS:
        why = "a stop, target or trailing order is no entry and no exit"
    else:
        why = "it is none of the words that are known"
    return InvalidSignal(f"{each}: {why}")
