"""A short soak: what ``python -m tests.soak`` does for minutes, for seconds."""

from pathlib import Path

import pytest

from tests.soak.__main__ import faults
from tests.soak.run import soak


@pytest.mark.process
@pytest.mark.timeout(180)
def test_nothing_grows_and_everything_is_told_once(tmp_path: Path) -> None:
    """Trades, alerts, readers, a listener; the receiver's book is the outbox's, title by title."""
    found = soak(tmp_path, users=40, seconds=12, speed=20, alert_s=1.5)
    assert faults(found) == []
    assert found.counts["signals"] >= found.counts["alerts"] > 0
    assert found.counts["positions"] > 40
    assert found.counts["notices delivered"] > 300
