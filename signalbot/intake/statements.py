"""The instructions of one alert, as they are collected field by field."""

from dataclasses import dataclass, field
from decimal import Decimal

from signalbot.domain.errors import BadSignal
from signalbot.intake.fields import Field
from signalbot.intake.names import word_set, words
from signalbot.intake.verbs import Kind, Meaning

_TRUE = word_set("true 1 yes on y")
_FALSE = word_set("false 0 no off n")
WAITING = word_set(
    "stop loss take profit trailing conditional trigger touched oco bracket breakout stoplimit "
    "stopmarket mit lit"
)
"""Words of orders that wait for a price."""
SIDED = word_set("buy sell long short bullish bearish exit flat flatten reverse")
CHANGES = word_set("update modify amend move set adjust change edit")
ADDS = word_set("add increase dca average pyramid scale re rebuy safety")


class MarketKind:
    """The kind of market of an alert: ``spot`` or ``swap``."""

    SPOT, SWAP = "spot", "swap"


@dataclass(frozen=True, slots=True)
class Statement:
    """One field, and what it asks for."""

    field: Field
    meaning: Meaning


@dataclass(slots=True)
class Instructions:
    """The instructions of one alert."""

    statements: list[Statement] = field(default_factory=list)
    hints: list[Statement] = field(default_factory=list)  #: of ids and comments
    waits: Field | None = None  #: an order type that waits for a price
    cancel: Field | None = None  #: a flag that withdraws entries
    is_test: bool = False
    market_kind: tuple[str, Field] | None = None
    position_size: tuple[Decimal, Field] | None = None  #: signed, where its sender signs it
    held: tuple[Decimal, Field] | None = None  #: without a sign
    held_before: tuple[Decimal, Field] | None = None
    doubts: list[Field] = field(default_factory=list)  #: words that an entry cannot pass over
    blanks: list[Field] = field(default_factory=list)  #: positions without a value
    labels: list[Field] = field(default_factory=list)  #: types without a known word
    understood: set[str] = field(default_factory=set)  #: names of fields that counted

    def of(self, *kinds: Kind) -> list[Statement]:
        return [each for each in self.statements if each.meaning.kind in kinds]

    def add(self, field_: Field, meaning: Meaning | None) -> None:
        if meaning is None:
            raise unknown(field_)
        self.understood.add(field_.name)
        self.statements.append(Statement(field_, meaning))


def boolean(field_: Field) -> bool | None:
    """Whether a flag is set; None: it is no flag."""
    text = field_.value.lower()
    if text in _TRUE:
        return True
    return False if text in _FALSE or field_.is_empty else None


def unknown(each: Field) -> BadSignal:
    """The refusal of a word, with why it cannot be used."""
    core = set(words(each.value))
    if core & CHANGES:
        why = (
            "an alert cannot change an open position; send an exit, or a new entry with its levels"
        )
    elif core & ADDS:
        why = "positions are not added to"
    elif core & WAITING:
        why = "a stop, target or trailing order is no entry and no exit"
    else:
        why = "it is none of the words that are known"
    return BadSignal(f"{each}: {why}")
