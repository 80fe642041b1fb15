"""What the soak would find: growth, and only growth."""

from dataclasses import replace

import pytest

from tests.soak.measures import Sample, grown, table

STILL = Sample(at_s=0, rss_mb=100, tasks=200, files=30, wal_mb=4, notices=10, writes=0)
RUN = [replace(STILL, at_s=float(second)) for second in range(30)]


def test_a_run_that_stays_as_it_is_has_grown_nowhere() -> None:
    """Also if it was smaller at the beginning: that is warming up."""
    cold = [replace(each, rss_mb=each.at_s * 10) for each in RUN[:10]]
    assert list(grown([*cold, *RUN[10:]])) == []


@pytest.mark.parametrize(
    ("field", "by"),
    [("rss_mb", 2), ("tasks", 5), ("files", 2), ("wal_mb", 4), ("notices", 200), ("writes", 30)],
)
def test_what_rises_all_the_time_has_grown(field: str, by: float) -> None:
    """Each measure by itself."""
    rising = [replace(each, **{field: getattr(each, field) + each.at_s * by}) for each in RUN]
    assert len(list(grown(rising))) == 1


def test_the_table_shows_four_moments_and_the_most() -> None:
    """As it stands in tests/benchmarks/RESULTS.md."""
    peak = replace(RUN[15], tasks=900)
    row = table([*RUN[:15], peak, *RUN[16:]]).splitlines()[3]
    assert row == "| tasks | 200.0 | 200.0 | 200.0 | 200.0 | 900.0 |"
