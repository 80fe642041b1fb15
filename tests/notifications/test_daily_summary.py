"""The daily summary: when it is due, and its text."""

from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.timeframe import Ms
from signalbot.ledger.views import Row
from signalbot.notifications.daily_summary import (
    SummaryPeriod,
    last_due_ms,
    next_due_ms,
    operator_summary,
    user_summary,
)

BERLIN = ZoneInfo("Europe/Berlin")


def ms(*when: int, zone: ZoneInfo = BERLIN) -> Ms:
    """An instant by the clocks of a place: year, month, day, and hour and minute if given."""
    year, month, day, hour, minute = (*when, 0, 0)[:5]
    at = datetime(year, month, day, hour, minute, tzinfo=zone)
    return Ms(round(at.timestamp() * 1000))


DAY = SummaryPeriod(since_ms=ms(2026, 11, 2, 8), until_ms=ms(2026, 11, 3, 8), zone=BERLIN)


def line(**changed: Any) -> Row:
    """A user's profit in one mode and currency."""
    return {
        "user_id": "anna",
        "mode": "live",
        "currency": "USDT",
        "trades": 3,
        "wins": 2,
        "net_pnl": "1234.5",
        "best": "1500",
        "worst": "-300.25",
        "open_positions": 1,
    } | changed


def test_the_day_ends_at_the_same_hour_in_summer_and_in_winter() -> None:
    """Local time is what people live by: a day of 25 hours is one day."""
    before, after = ms(2026, 10, 24, 9), ms(2026, 10, 25, 7)
    assert last_due_ms(before, time(8), BERLIN) == ms(2026, 10, 24, 8)
    assert last_due_ms(after, time(8), BERLIN) == ms(2026, 10, 24, 8)
    assert next_due_ms(after, time(8), BERLIN) == ms(2026, 10, 25, 8)
    assert ms(2026, 10, 25, 8) - ms(2026, 10, 24, 8) == 25 * 3_600_000


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1)),  # noqa: DTZ001 - made UTC below
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Pacific/Apia", "Asia/Kolkata"]),
)
def test_now_lies_between_the_last_and_the_next(at: datetime, clock: time, zone: str) -> None:
    """Wherever and whenever; and they are about a day apart."""
    now_ms = Ms(round(at.replace(tzinfo=UTC).timestamp() * 1000))
    last, following = (each(now_ms, clock, ZoneInfo(zone)) for each in (last_due_ms, next_due_ms))
    assert last <= now_ms < following
    assert 22 * 3_600_000 <= following - last <= 26 * 3_600_000


def test_a_user_reads_the_result_first() -> None:
    """Then how it came about, and what is still open."""
    told = user_summary([line()], DAY)
    assert told is not None
    assert f"{told.title}\n{told.body}" == (
        "📊 Mon 2 Nov 08:00 to Tue 3 Nov 08:00\n"
        "Result: +1,234.50 USDT after fees\n"
        "Trades: 3, 2 won\n"
        "Best +1,500.00 USDT, worst -300.25 USDT\n"
        "Open positions: 1"
    )


def test_a_user_without_trades_gets_no_summary() -> None:
    """No trade, nothing open: nothing to read."""
    assert user_summary([], DAY) is None
    assert user_summary([line(trades=0, open_positions=0)], DAY) is None


def test_the_operator_reads_sums_that_are_true() -> None:
    """Play money is never added to real money."""
    by_user = {
        "anna": [line()],
        "ben": [
            line(user_id="ben", net_pnl="-34.5", trades=1, wins=0, best="-34.5", worst="-34.5"),
            line(user_id="ben", mode="paper", net_pnl="5", trades=1, wins=1, open_positions=0),
        ],
    }
    told = operator_summary(by_user, {"ACTIVE": 2, "HALTED": 1}, DAY)
    assert told.body == (
        "Result: +1,200.00 USDT after fees\n"
        "Trades: 4, 2 won\n"
        "Best +1,500.00 USDT, worst -300.25 USDT\n"
        "Open positions: 2\n"
        "Result: +5.00 USDT after fees (paper)\n"
        "Trades: 1, 1 won\n"
        "Users: 2 active, 1 halted\n"
        "anna: +1,234.50 USDT\n"
        "ben: +5.00 USDT (paper)\n"
        "ben: -34.50 USDT"
    )


def test_the_operator_gets_a_summary_of_a_quiet_day() -> None:
    """Without a summary the operator would suspect an outage."""
    told = operator_summary({}, {"ACTIVE": 2}, DAY)
    assert told.body == "No trades.\nUsers: 2 active"
