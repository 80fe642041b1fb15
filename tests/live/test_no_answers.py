"""Whatever comes instead of an answer to a read, the books stay as they are, and so do the stops.

Seeds that a run of ``python -m tests.live.no_answers`` plays by the hundred, a few of them here.
"""

from pathlib import Path

import pytest

from tests.live.no_answers import play

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]

HOLDING, ENTERING = 0, 1  # even seeds hold positions, odd ones are entering


@pytest.mark.parametrize("place", ["binance", "okx-spot"])
async def test_bad_answers_to_reads_change_nothing_of_what_is_held(
    tmp_path: Path, place: str
) -> None:
    """Killed in between: the same positions behind the same stops, the same fills."""
    run = await play(tmp_path, place, HOLDING, phases=1)
    assert run.struck


async def test_bad_answers_to_reads_let_nothing_be_entered_twice(tmp_path: Path) -> None:
    """The entry's own answer is lost too: once it is known, it is in once and protected."""
    run = await play(tmp_path, "bybit", ENTERING, phases=1)
    assert run.struck
