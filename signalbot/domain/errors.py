"""Every exception that signalbot raises on purpose, sorted by what the caller must do next.

SignalbotError
├── ConfigError            stop with exit code 78; the message names file, key and value
├── InvalidCandle          drop the candle, count it, continue
├── IllegalTransition      a bug, or contradicting exchange reports: never apply it
├── Unavailable            the remote side cannot be reached: retry with backoff
│   ├── Unreachable        a known outage: retry, and log this failure at debug level only
│   └── AccessDenied       the key is invalid, revoked or lacks a permission: halt its user
├── OrderRejected          the exchange refused the order: final for this order
├── OrderOutcomeUnknown    the order may be live: look it up, never send it again
├── InvalidSignal          an invalid signal from outside: report it to its sender
├── NotFound               the requested name does not exist: report it to the caller
├── Conflict               the request contradicts the current state: report it to the caller
├── NotAllowed             the caller lacks the right: report it to the caller
└── LedgerError            no ledger, no trading: stop
    └── LedgerLocked       another daemon holds this state directory
"""

from enum import StrEnum


class SignalbotError(Exception):
    """Base class of every exception that signalbot raises on purpose."""


class ConfigError(SignalbotError):
    """The configuration is invalid. The message names file, key, value and fix."""


class InvalidCandle(SignalbotError):
    """An impossible candle: NaN, negative, or high below low. Drop it; never trade on it."""


class IllegalTransition(SignalbotError):
    """A state that an order or position cannot reach from its current one."""


class Unavailable(SignalbotError):
    """A read failed, or an order was provably never accepted: retry later."""


class Unreachable(Unavailable):
    """Exchange unreachable; the outage is already logged."""


class AccessDenied(Unavailable):
    """The exchange refuses the key, or this request with it: halt and notify its user."""


class RejectionReason(StrEnum):
    """Why the exchange rejected an order, as far as it decides the next step.

    WOULD_TRIGGER: the price has already passed the trigger of a protective order, so the position
    must be closed instead of protected.
    """

    OTHER = "other"
    WOULD_TRIGGER = "would_trigger"
    INSUFFICIENT_MARGIN = "insufficient_margin"
    ACCESS_DENIED = "access_denied"


class OrderRejected(SignalbotError):
    """The exchange rejected the order: no order is live under this client order id."""

    def __init__(
        self, reason: str, *, rejection_reason: RejectionReason = RejectionReason.OTHER
    ) -> None:
        super().__init__(reason)
        self.rejection_reason = rejection_reason

    @property
    def would_trigger(self) -> bool:
        return self.rejection_reason is RejectionReason.WOULD_TRIGGER


class OrderOutcomeUnknown(SignalbotError):
    """The order may be live: no reliable response. Look it up by its id; never send it again."""


class InvalidSignal(SignalbotError):
    """A signal from outside contradicts itself, or its strategy's configuration."""


class NotFound(SignalbotError):
    """The requested name does not exist."""


class Conflict(SignalbotError):
    """The request contradicts the current state; the message names the conflict and the fix."""


class NotAllowed(SignalbotError):
    """The caller lacks the right to do this."""


class LedgerError(SignalbotError):
    """The ledger cannot be read or written. No ledger, no trading: the daemon stops."""


class LedgerLocked(LedgerError):
    """Another daemon holds the lock of this state directory."""
