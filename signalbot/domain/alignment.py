"""Where the strategy behind a source of alerts stands, and whether one of its alerts was lost.

A sender may tell its position before and after each alert. Each alert begins where the one before
has ended; where it does not, one in between never came.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from signalbot.domain.signals import Action
from signalbot.domain.timeframe import Ms

OVERTAKEN_MS = 10_000
"""An alert that fills a gap so soon was not lost: a later one has overtaken it on its way."""


class Stance(StrEnum):
    LONG = "long"
    SHORT = "short"
    FLAT = "flat"

    @property
    def exit(self) -> Action | None:
        """What closes it."""
        match self:
            case Stance.LONG:
                return Action.EXIT_LONG
            case Stance.SHORT:
                return Action.EXIT_SHORT
            case Stance.FLAT:
                return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What one alert tells of its strategy's position in one market."""

    key: str  #: the alert's identity
    actions: Sequence[Action] = ()  #: what it asks for
    previous: Stance | None = None  #: where its strategy stood before; None: not told
    position: Stance | None = None  #: and after
    sent_at_ms: Ms | None = None  #: by the sender's clock
    is_repeat: bool = False  #: it has been acted on before


@dataclass(frozen=True, slots=True)
class Gap:
    """What was lost began at ``known`` and ended at ``told``."""

    known: Stance
    told: Stance


@dataclass(frozen=True, slots=True, kw_only=True)
class Alignment:
    """Where a source's strategy stands in one market, by its latest alert."""

    strategy: str
    symbol: str
    position: Stance
    key: str  #: of that alert
    heard_at_ms: Ms
    sent_at_ms: Ms | None = None  #: by the sender's clock
    gap_known: Stance | None = None  #: where it was thought to stand, if an alert was lost
    gap_told: Stance | None = None  #: and where it stood indeed

    @property
    def gap(self) -> Gap | None:
        if self.gap_known is None or self.gap_told is None:
            return None
        return Gap(self.gap_known, self.gap_told)

    def is_before(self, told: Told) -> bool:
        """Whether an alert was sent before the latest one, by the sender's clock."""
        return (
            told.sent_at_ms is not None
            and self.sent_at_ms is not None
            and told.sent_at_ms < self.sent_at_ms
        )

    def is_overtaken(self, told: Told, *, now_ms: Ms) -> bool:
        """Whether an alert is the one that was thought lost, come late."""
        if self.gap is None or self.gap != _span(told):
            return False
        if told.sent_at_ms is not None and self.sent_at_ms is not None:
            return told.sent_at_ms <= self.sent_at_ms
        return now_ms - self.heard_at_ms <= OVERTAKEN_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What an alert says about those before it."""

    alignment: Alignment | None  #: from now on; None: nothing is known yet
    gap: Gap | None = None  #: an alert before this one was lost
    is_overtaken: bool = False  #: it comes after a later one: to enter on it would be wrong

    @property
    def owed(self) -> Action | None:
        """The exit that was lost: of a position which the strategy has left since."""
        if self.gap is None or self.alignment is None or self.gap.known is self.alignment.position:
            return None
        return self.gap.known.exit


def hear(known: Alignment | None, told: Told, *, strategy: str, symbol: str, now_ms: Ms) -> Heard:
    """Follow a source's strategy through its next alert. The same alert again says the same."""
    if known is not None:
        if told.key == known.key:
            return Heard(alignment=known, gap=known.gap)
        if known.is_overtaken(told, now_ms=now_ms):
            return Heard(alignment=known, is_overtaken=True)
        if told.is_repeat or known.is_before(told):
            return Heard(alignment=known)
    position = _after(None if known is None else known.position, told)
    if position is None:
        return Heard(alignment=known)
    gap = None
    if known is not None and told.previous not in (None, known.position):
        gap = Gap(known.position, told.previous)
    following = Alignment(
        strategy=strategy,
        symbol=symbol,
        position=position,
        key=told.key,
        heard_at_ms=now_ms,
        sent_at_ms=told.sent_at_ms,
        gap_known=None if gap is None else gap.known,
        gap_told=None if gap is None else gap.told,
    )
    return Heard(alignment=following, gap=gap)


def _after(position: Stance | None, told: Told) -> Stance | None:
    """Where the strategy stands after an alert: as it tells, else by what it asks for."""
    if told.position is not None:
        return told.position
    after = position if told.previous is None else told.previous
    for action in told.actions:
        match action:
            case Action.LONG:
                after = Stance.LONG
            case Action.SHORT:
                after = Stance.SHORT
            case _ if after is None or after.exit is action:
                after = Stance.FLAT
            case _:
                pass
    return after


def _span(told: Told) -> Gap | None:
    if told.previous is None or told.position is None:
        return None
    return Gap(told.previous, told.position)
