"""Tracks the position that alerts report for a strategy, and detects lost alerts.

A sender may report its position before and after each alert. Consecutive alerts connect: the
position before one equals the position after the previous one. If it does not, an alert was lost.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from signalbot.domain.signals import Action
from signalbot.domain.timeframe import Ms

OUT_OF_ORDER_MS = 10_000
"""An alert that fills a gap within this time was overtaken by a later one, not lost."""


class ReportedPosition(StrEnum):
    """A strategy's position in one market."""

    LONG = "long"
    SHORT = "short"
    FLAT = "flat"

    @property
    def exit_action(self) -> Action | None:
        """The action that closes it; None for FLAT."""
        match self:
            case ReportedPosition.LONG:
                return Action.EXIT_LONG
            case ReportedPosition.SHORT:
                return Action.EXIT_SHORT
            case ReportedPosition.FLAT:
                return None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertReport:
    """The position of a strategy in one market, as reported by an alert."""

    key: str  #: the alert's identity
    actions: Sequence[Action] = ()  #: its requested actions
    previous: ReportedPosition | None = None  #: position before the alert; None: not reported
    position: ReportedPosition | None = None  #: position after the alert
    sent_at_ms: Ms | None = None  #: by the sender's clock
    is_repeat: bool = False  #: it was processed before


@dataclass(frozen=True, slots=True)
class PositionGap:
    """The lost alerts led from ``expected`` to ``reported``."""

    expected: ReportedPosition
    reported: ReportedPosition


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedPosition:
    """The latest reported position of a strategy in one market: one row of the ledger."""

    strategy: str
    symbol: str
    position: ReportedPosition
    key: str  #: of that alert
    heard_at_ms: Ms  #: when that alert arrived
    sent_at_ms: Ms | None = None  #: by the sender's clock
    gap_known: ReportedPosition | None = None  #: expected position, if an alert was lost
    gap_told: ReportedPosition | None = None  #: reported position, if an alert was lost

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
        """Whether this alert is the one that was considered lost, arriving late."""
        if self.gap is None or self.gap != _reported_gap(report):
            return False
        if report.sent_at_ms is not None and self.sent_at_ms is not None:
            return report.sent_at_ms <= self.sent_at_ms
        return now_ms - self.heard_at_ms <= OUT_OF_ORDER_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackResult:
    """The tracked position after an alert, and whether an earlier alert was lost."""

    tracked: TrackedPosition | None  #: None: no position reported yet
    gap: PositionGap | None = None  #: an alert before this one was lost
    is_out_of_order: bool = False  #: a later alert arrived first: do not enter on this one

    @property
    def missed_exit(self) -> Action | None:
        """The lost exit, if the strategy no longer holds the expected position."""
        if self.gap is None or self.tracked is None or self.gap.expected is self.tracked.position:
            return None
        return self.gap.expected.exit_action


def track(
    tracked: TrackedPosition | None, report: AlertReport, *, strategy: str, symbol: str, now_ms: Ms
) -> TrackResult:
    """Update the tracked position by the next alert. Idempotent for a repeated alert."""
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
    """The position after an alert: as reported, else derived from its actions."""
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
