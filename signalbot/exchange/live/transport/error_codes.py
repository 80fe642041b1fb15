"""Meanings of an exchange's own error codes, and the errors that only this package raises."""

import shlex
from dataclasses import dataclass, fields
from typing import Final

from signalbot.domain.errors import SignalbotError, Unavailable

_SPAN: Final = ".."


class OrderNotFound(SignalbotError):
    """The endpoint does not know the order. That alone proves nothing."""


class AddressRateLimited(Unavailable):
    """Too many requests from this address: none may be sent until the ban is over."""


class AccountRateLimited(Unavailable):
    """Too many requests of this account: it pauses for a moment, the others go on."""


class ClockSkewed(Unavailable):
    """The exchange rejects our time: nothing was accepted; measure its clock, then go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCodes:
    """An exchange's error codes by meaning; a code is in one set only.

    ``CODE|text`` is that code where the error's text contains ``text``, in lower case: some
    exchanges use one number for two errors. It counts before the bare code.
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
    unknown: frozenset[str] = frozenset()  #: codes with a ccxt class that claims too much

    @classmethod
    def from_text(cls, **tables: str) -> "ErrorCodes":
        """Read each set from a text: codes separated by blanks, in quotes where they hold blanks.

        ``51000..51031`` is every code of that span that no other set lists.
        """
        listed = {name: shlex.split(text) for name, text in tables.items()}
        single = {name: {code for code in codes if _SPAN not in code}
                  for name, codes in listed.items()}  # fmt: skip
        taken = set().union(*single.values())
        return cls(**{
            name: frozenset(single[name] | (_expand(codes) - taken))
            for name, codes in listed.items()
        })  # fmt: skip

    def __or__(self, other: "ErrorCodes") -> "ErrorCodes":
        """The union of both tables."""
        return ErrorCodes(
            **{each.name: getattr(self, each.name) | getattr(other, each.name)
               for each in fields(self)}
        )  # fmt: skip


def _expand(codes: list[str]) -> set[str]:
    """Every code of the spans among ``codes``."""
    spans = (code.split(_SPAN) for code in codes if _SPAN in code)
    return {str(code) for first, last in spans for code in range(int(first), int(last) + 1)}
