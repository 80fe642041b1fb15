"""An AI's advice on one signal. The user's rules decide what it may change."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.money import HUNDRED, ZERO


class Verdict(StrEnum):
    """ABSTAIN: no usable answer in time; ``ai.on_error`` decides what follows."""

    APPROVE = "APPROVE"
    DENY = "DENY"
    ABSTAIN = "ABSTAIN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A verdict on one signal with the requested changes."""

    verdict: Verdict
    confidence: float  #: 0 to 1
    reason: str
    size_percent: Decimal = HUNDRED  #: of the planned size, as requested: not yet clamped
    stop_percent: Decimal = ZERO  #: part of the stop's distance by which to move it closer
    failure_code: DecisionCode = DecisionCode.AI_FAILED  #: of ABSTAIN
    call_id: str | None = None  #: the AI call that produced it
    is_shared: bool = False  #: whether it comes from another user's identical call
