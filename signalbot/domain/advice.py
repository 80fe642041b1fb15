"""What an AI has answered about one signal. It is advice: what it may change is not its to say."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from signalbot.domain.decision_codes import DecisionCode
from signalbot.domain.money import HUNDRED, ZERO


class Verdict(StrEnum):
    """ABSTAIN: no usable answer in time; what that means is the subscription's setting."""

    APPROVE = "APPROVE"
    DENY = "DENY"
    ABSTAIN = "ABSTAIN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    verdict: Verdict
    confidence: float  #: 0 to 1
    reason: str
    size_percent: Decimal = HUNDRED  #: of the planned size, as asked for; bounds are not its own
    stop_percent: Decimal = ZERO  #: of the stop's distance, by which to bring it closer
    failure_code: DecisionCode = DecisionCode.AI_FAILED  #: of ABSTAIN
    call_id: str | None = None  #: the call it came from
    is_shared: bool = False  #: whether another user's question had asked the same
