"""Repeated discards are logged once a minute, with a count."""

from signalbot.control.discarded_alerts import DiscardedAlertLog
from tests.control.test_heartbeat_monitor import ManualClock

LoggedLines = list[tuple[str, str, int]]


def _discarded_alerts(clock: ManualClock) -> tuple[DiscardedAlertLog, LoggedLines]:
    logged: LoggedLines = []
    return DiscardedAlertLog(clock, lambda *line: logged.append(line)), logged


def test_the_first_is_logged_at_once_and_repeats_as_a_count() -> None:
    """Separately for each source and reason; after a quiet minute the next is logged at once."""
    clock = ManualClock()
    discarded, logged = _discarded_alerts(clock)
    for _ in range(1_000):
        discarded.refused("tv", "not its own")
    discarded.refused("other", "not its own")
    assert logged == [("tv", "not its own", 1), ("other", "not its own", 1)]
    clock.at_ms += 30_000
    discarded.log_due()
    assert len(logged) == 2
    clock.at_ms += 30_000
    discarded.log_due()
    assert logged[2:] == [("tv", "not its own", 999)]
    clock.at_ms += 60_000
    discarded.log_due()
    discarded.refused("tv", "not its own")
    assert logged[3:] == [("tv", "not its own", 1)]


def test_many_different_reasons_fill_neither_log_nor_memory() -> None:
    """Above the limit they are counted together."""
    clock = ManualClock()
    discarded, logged = _discarded_alerts(clock)
    for number in range(10_000):
        discarded.refused("tv", f"it is {number} s old")
    assert len(logged) < 300
    clock.at_ms += 60_000
    discarded.log_due()
    assert sum(count for _, _, count in logged) == 10_000
