"""Every exception signalbot raises on purpose, sorted by what the caller must do next.

SignalbotError
├── ConfigError            stop with exit code 78; the message names file, key and value
├── BadCandle              drop the candle, count it, go on
├── IllegalTransition      a bug or a confused exchange: never apply it
├── Unavailable            the far side cannot be reached: retry with backoff
│   ├── Unreachable        nothing there answers, which is known: nothing to tell of one request
│   └── AccessDenied       the key is wrong, revoked or may not do this: halt its user
├── OrderRejected          the exchange answered, and refused: final for this order
├── OrderOutcomeUnknown    the order may be live: look it up, never send it again
├── BadSignal              a signal from outside that cannot be meant: tell its sender
├── NotFound               nothing has the name that was asked for: tell who asked
├── Conflict               it contradicts what is there: tell who asked
├── NotAllowed             it is not this caller's to do: tell who asked
└── LedgerError            no ledger, no trading: stop
    └── LedgerLocked       another daemon owns this state directory
"""

from enum import StrEnum


class SignalbotError(Exception):
    """Base of everything signalbot raises on purpose."""


class ConfigError(SignalbotError):
    """The configuration cannot be used. The message names file, key, value and cure."""


class InvalidCandle(SignalbotError):
    """A candle that cannot be true: NaN, negative, high below low. Drop it; never trade on it."""


class IllegalTransition(SignalbotError):
    """An order or position was asked to move to a state it cannot reach from its own."""


class Unavailable(SignalbotError):
    """The far side did not answer a read, or provably never accepted an order: try again later."""


class Unreachable(Unavailable):
    """The far side answers nobody, and that has been told: this one failure is no news."""


class AccessDenied(Unavailable):
    """The exchange does not let this key in, or not do this: its user must be halted and told."""


class RejectionReason(StrEnum):
    """What a refused order says about what comes next.

    WOULD_TRIGGER: the price has already passed the trigger of a protective order, so the position
    must be closed instead of protected.
    """

    OTHER = "other"
    WOULD_TRIGGER = "would_trigger"
    INSUFFICIENT_MARGIN = "insufficient_margin"
    ACCESS_DENIED = "access_denied"


class OrderRejected(SignalbotError):
    """The exchange answered and refused the order. Nothing is live under this client order id."""

    def __init__(
        self, reason: str, *, rejection_reason: RejectionReason = RejectionReason.OTHER
    ) -> None:
        super().__init__(reason)
        self.rejection_reason = rejection_reason

    @property
    def would_trigger(self) -> bool:
        return self.rejection_reason is RejectionReason.WOULD_TRIGGER


class OrderOutcomeUnknown(SignalbotError):
    """No trustworthy answer: the order may be live. Look it up by its id; never send it again."""


class InvalidSignal(SignalbotError):
    """A signal from outside contradicts itself, or what its strategy may say."""


class NotFound(SignalbotError):
    """Something was asked for by a name that nothing has."""


class Conflict(SignalbotError):
    """What was asked for contradicts what is there; the message says what, and the way out."""


class NotAllowed(SignalbotError):
    """This caller may not do that."""


class LedgerError(SignalbotError):
    """The ledger cannot be read or written. No ledger, no trading: the daemon stops."""


class LedgerLocked(LedgerError):
    """Another daemon holds the lock of this state directory."""
