"""The description of one event in the catalogue."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class EventType:
    levels: tuple[str, ...]  #: it is logged at; empty: it is only in the journal
    meaning: str  #: one sentence
    payload: str = ""  #: fields of the journal's ``detail``, by spaces; empty: it is only logged

    @property
    def is_journaled(self) -> bool:
        """Whether SQL triggers write it to the journal, and the event stream carries it."""
        return bool(self.payload)

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields of ``detail``."""
        return tuple(self.payload.split())


DEBUG: Final = ("debug",)
INFO: Final = ("info",)
WARNING: Final = ("warning",)
ERROR: Final = ("error",)
REPEATED: Final = ("debug", "warning")
"""A warning the first time; debug when it repeats, or while the exchange is disconnected."""
ESCALATING: Final = ("debug", "warning", "error")
ANY_LEVEL: Final = ("any",)
JOURNAL_ONLY: Final = ()
