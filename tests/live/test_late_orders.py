"""Orders whose answer never comes: the shortest stories of ``tests.live.late_orders``."""

from pathlib import Path

import pytest

from tests.live.late_orders import appears, closed_while_it_fills

pytestmark = [pytest.mark.process, pytest.mark.timeout(240)]


async def test_an_entry_that_appears_after_a_kill_is_taken_up_and_protected(tmp_path: Path) -> None:
    """The ledger has the account flat, compared a moment ago: it is not trusted so."""
    await appears(tmp_path, dialect="bybit", is_killed=True)


async def test_closing_while_a_hanging_entry_still_fills_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    """Its answer never comes, its parts do: whatever has filled by then leaves with the exit."""
    await closed_while_it_fills(
        tmp_path, dialect="bybit", how="by-signal", crash_at="exit.after_answer"
    )
