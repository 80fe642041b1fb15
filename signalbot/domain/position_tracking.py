"""Where the strategy behind a source of alerts stands, and whether one of its alerts was lost.

A sender may tell its position before and after each alert. Each alert begins where the one before
has ended; where it does not, one in between never came.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from signalbot.domain.signals import Action
from signalbot.domain.timeframe import Ms

OUT_OF_ORDER_MS = 10_000
"""An alert that fills a gap so soon was not lost: a later one has overtaken it on its way."""


class ReportedPosition(StrEnum):
    LONG = "long"
    SHORT = "short"
    FLAT = "flat"

    @property
    def exit_action(self) -> Action | None:
        """What closes it."""
        match self:
            case ReportedPosition.LONG:
                return Action.EXIT_LONG
            case ReportedPosition.SHORT:
                return Action.EXIT_SHORT
            case ReportedPosition.FLAT:
                return None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertReport:
    """What one alert tells of its strategy's position in one market."""

    key: str  #: the alert's identity
    actions: Sequence[Action] = ()  #: what it asks for
    previous: ReportedPosition | None = None  #: where its strategy stood before; None: not told
    position: ReportedPosition | None = None  #: and after
    sent_at_ms: Ms | None = None  #: by the sender's clock
    is_repeat: bool = False  #: it has been acted on before


@dataclass(frozen=True, slots=True)
class PositionGap:
    """What was lost began at ``known`` and ended at ``told``."""

    expected: ReportedPosition
    reported: ReportedPosition


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedPosition:
    """Where a source's strategy stands in one market, by its latest alert."""

    strategy: str
    symbol: str
    position: ReportedPosition
    key: str  #: of that alert
    heard_at_ms: Ms
    sent_at_ms: Ms | None = None  #: by the sender's clock
    gap_known: ReportedPosition | None = (
        None  #: where it was thought to stand, if an alert was lost
    )
    gap_told: ReportedPosition | None = None  #: and where it stood indeed

    @property
    def gap(self) -> PositionGap | None:
        if self.gap_known is None or self.gap_told is None:
            return None
        return PositionGap(self.gap_known, self.gap_told)

    def is_before(self, report: AlertReport) -> bool:
        """Whether an alert was sent before the latest one, by the sender's clock."""
        return (
            report.sent_at_ms is not None
            and self.sent_at_ms is not None
            and report.sent_at_ms < self.sent_at_ms
        )

    def is_out_of_order(self, report: AlertReport, *, now_ms: Ms) -> bool:
        """Whether an alert is the one that was thought lost, come late."""
        if self.gap is None or self.gap != _reported_gap(report):
            return False
        if report.sent_at_ms is not None and self.sent_at_ms is not None:
            return report.sent_at_ms <= self.sent_at_ms
        return now_ms - self.heard_at_ms <= OUT_OF_ORDER_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackResult:
    """What an alert says about those before it."""

    tracked: TrackedPosition | None  #: from now on; None: nothing is known yet
    gap: PositionGap | None = None  #: an alert before this one was lost
    is_out_of_order: bool = False  #: it comes after a later one: to enter on it would be wrong

    @property
    def missed_exit(self) -> Action | None:
        """The exit that was lost: of a position which the strategy has left since."""
        if self.gap is None or self.tracked is None or self.gap.expected is self.tracked.position:
            return None
        return self.gap.expected.exit_action


def track(
    tracked: TrackedPosition | None, report: AlertReport, *, strategy: str, symbol: str, now_ms: Ms
) -> TrackResult:
    """Follow a source's strategy through its next alert. The same alert again says the same."""
    if tracked is not None:
        if report.key == tracked.key:
            return TrackResult(tracked=tracked, gap=tracked.gap)
        if tracked.is_out_of_order(report, now_ms=now_ms):
            return TrackResult(tracked=tracked, is_out_of_order=True)
        if report.is_repeat or tracked.is_before(report):
            return TrackResult(tracked=tracked)
    position = _position_after(None if tracked is None else tracked.position, report)
    if position is None:
        return TrackResult(tracked=tracked)
    gap = None
    if tracked is not None and report.previous not in (None, tracked.position):
        gap = PositionGap(tracked.position, report.previous)
    following = TrackedPosition(
        strategy=strategy,
        symbol=symbol,
        position=position,
        key=report.key,
        heard_at_ms=now_ms,
        sent_at_ms=report.sent_at_ms,
        gap_known=None if gap is None else gap.expected,
        gap_told=None if gap is None else gap.reported,
    )
    return TrackResult(tracked=following, gap=gap)


def _position_after(
    position: ReportedPosition | None, report: AlertReport
) -> ReportedPosition | None:
    """Where the strategy stands after an alert: as it tells, else by what it asks for."""
    if report.position is not None:
        return report.position
    after = position if report.previous is None else report.previous
    for action in report.actions:
        match action:
            case Action.LONG:
                after = ReportedPosition.LONG
            case Action.SHORT:
                after = ReportedPosition.SHORT
            case _ if after is None or after.exit_action is action:
                after = ReportedPosition.FLAT
            case _:
                pass
    return after


def _reported_gap(report: AlertReport) -> PositionGap | None:
    if report.previous is None or report.position is None:
        return None
    return PositionGap(report.previous, report.position)
