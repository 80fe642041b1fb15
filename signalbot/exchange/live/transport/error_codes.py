"""What an exchange's own codes mean to us, and the errors that only this package knows."""

from dataclasses import dataclass, fields

from signalbot.domain.errors import SignalbotError, Unavailable


class OrderNotFound(SignalbotError):
    """The place that was asked does not know the order. That alone proves nothing."""


class AddressRateLimited(Unavailable):
    """Too many requests from this address: nobody may ask until the ban is over."""


class AccountRateLimited(Unavailable):
    """Too many requests of this account: it waits for a moment, the others go on."""


class ClockSkewed(Unavailable):
    """The exchange finds our time wrong: nothing was accepted; measure its clock, then go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCodes:
    """What an exchange's own codes mean; a code may stand in one set only.

    ``CODE|words`` is that code where its text has these words, in lower case: some exchanges use
    one number for two things. It counts before the bare code.
    """

    rejected: frozenset[str] = frozenset()
    duplicate: frozenset[str] = frozenset()
    would_trigger: frozenset[str] = frozenset()
    no_margin: frozenset[str] = frozenset()
    access_denied: frozenset[str] = frozenset()
    clock: frozenset[str] = frozenset()
    limited: frozenset[str] = frozenset()  #: of the address
    account_limited: frozenset[str] = frozenset()  #: of one account, or of one endpoint for it
    already_set: frozenset[str] = frozenset()
    not_found: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()  #: codes whose ccxt class says more than is sure

    def __or__(self, other: "ErrorCodes") -> "ErrorCodes":
        """What either says."""
        return ErrorCodes(
            **{each.name: getattr(self, each.name) | getattr(other, each.name)
               for each in fields(self)}
        )  # fmt: skip
