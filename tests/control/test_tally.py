"""What is refused again and again is told once a minute, with a count."""

from signalbot.control.discarded_alerts import DiscardedAlertLog
from tests.control.test_heartbeat import Hands

Told = list[tuple[str, str, int]]


def _tally(clock: Hands) -> tuple[DiscardedAlertLog, Told]:
    told: Told = []
    return DiscardedAlertLog(clock, lambda *line: told.append(line)), told


def test_the_first_is_told_at_once_and_the_rest_as_a_number() -> None:
    """Each source and reason for itself; when it is over, the next first is told at once again."""
    clock = Hands()
    tally, told = _tally(clock)
    for _ in range(1_000):
        tally.refused("tv", "not its own")
    tally.refused("other", "not its own")
    assert told == [("tv", "not its own", 1), ("other", "not its own", 1)]
    clock.at_ms += 30_000
    tally.log_due()
    assert len(told) == 2
    clock.at_ms += 30_000
    tally.log_due()
    assert told[2:] == [("tv", "not its own", 999)]
    clock.at_ms += 60_000
    tally.log_due()
    tally.refused("tv", "not its own")
    assert told[3:] == [("tv", "not its own", 1)]


def test_reasons_without_end_do_not_fill_the_log_or_the_memory() -> None:
    """What is different every time is told together."""
    clock = Hands()
    tally, told = _tally(clock)
    for number in range(10_000):
        tally.refused("tv", f"it is {number} s old")
    assert len(told) < 300
    clock.at_ms += 60_000
    tally.log_due()
    assert sum(count for _, _, count in told) == 10_000
