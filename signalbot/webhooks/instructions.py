"""Instructions of one alert, collected field by field."""

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
"""Words of conditional orders."""
SIDE_TOKENS = token_set("buy sell long short bullish bearish exit flat flatten reverse")
CHANGE_TOKENS = token_set("update modify amend move set adjust change edit")
ADD_TOKENS = token_set("add increase dca average pyramid scale re rebuy safety")


class AlertMarketKind:
    """Market kind of an alert: ``spot`` or ``swap``."""

    SPOT, SWAP = "spot", "swap"


@dataclass(frozen=True, slots=True)
class Statement:
    """One field with its action."""

    field: AlertField
    action: ParsedAction


@dataclass(slots=True)
class Instructions:
    """Instructions of one alert."""

    statements: list[Statement] = field(default_factory=list)
    label_statements: list[Statement] = field(default_factory=list)  #: from ids and comments
    conditional_order: AlertField | None = None  #: type of a conditional order
    cancel: AlertField | None = None  #: flag that withdraws entries
    is_test: bool = False
    market_kind: tuple[str, AlertField] | None = None
    position_size: tuple[Decimal, AlertField] | None = None  #: signed if the sender signs it
    size_held: tuple[Decimal, AlertField] | None = None  #: unsigned
    size_held_before: tuple[Decimal, AlertField] | None = None
    unresolved: list[AlertField] = field(default_factory=list)  #: words that prevent an entry
    empty_positions: list[AlertField] = field(
        default_factory=list
    )  #: position fields without a value
    labels: list[AlertField] = field(default_factory=list)  #: types without known words
    used_fields: set[str] = field(default_factory=set)  #: names of fields used

    def of(self, *kinds: ActionKind) -> list[Statement]:
        return [each for each in self.statements if each.action.kind in kinds]

    def add(self, field_: AlertField, action: ParsedAction | None) -> None:
        if action is None:
            raise unknown_value_error(field_)
        self.used_fields.add(field_.name)
        self.statements.append(Statement(field_, action))


def parse_boolean(field_: AlertField) -> bool | None:
    """Parse a flag; None if it is none."""
    text = field_.value.lower()
    if text in _TRUE:
        return True
    return False if text in _FALSE or field_.is_empty else None


def unknown_value_error(each: AlertField) -> InvalidSignal:
    """Return the error for an unsupported value, with the reason."""
    core = set(tokenize(each.value))
    if core & CHANGE_TOKENS:
        problem = "alerts cannot change open positions; send an exit, or a new entry with levels"
    elif core & ADD_TOKENS:
        problem = "positions cannot be increased"
    elif core & CONDITIONAL_TOKENS:
        problem = "stop, target and trailing orders are neither entries nor exits"
    else:
        problem = "unknown word"
    return InvalidSignal(f"{each}: {problem}")
