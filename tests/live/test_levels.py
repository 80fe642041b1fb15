"""Where stop and targets rest once it is known what an entry has cost."""

from decimal import Decimal
from pathlib import Path

import pytest

from tests.live.invariants import check
from tests.live.live_daemon import live
from tests.venue.model import Kind
from tests.venue.server import DIALECTS

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]

OWN = """[defaults.protection]
stop_loss = { source = "percent", percent = 2.0 }
take_profits_from = "own"
take_profits = [{ percent = 4.0, share = 100 }]
"""


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_percent_levels_are_measured_from_what_the_entry_has_cost(
    tmp_path: Path, dialect: str
) -> None:
    """The entry fills half a percent worse; killed right then, the levels follow all the same."""
    async with live(tmp_path, "anna", defaults=OWN, dialect=dialect) as rig:
        engine = rig.venue.engine
        engine.slippage[engine.market_of(rig.symbol).id] = Decimal("0.005")
        await rig.start(crash_at="entry.recorded")
        await rig.go_long()
        assert await rig.died() == -9
        await rig.start()

        def triggers() -> dict[Kind, list[Decimal | None]]:
            resting = rig.resting("anna")
            return {
                kind: [order.ask.trigger for order in resting if order.ask.kind is kind]
                for kind in (Kind.STOP, Kind.TAKE_PROFIT)
            }

        def are_there() -> bool:
            rows = rig.rows("SELECT entry_price FROM positions")
            paid = Decimal(rows[0]["entry_price"]) if rows else Decimal(0)
            wanted = {Kind.STOP: paid * Decimal("0.98"), Kind.TAKE_PROFIT: paid * Decimal("1.04")}
            return all(
                len(found) == 1 and found[0] is not None and abs(found[0] - wanted[kind]) <= 1
                for kind, found in triggers().items()
            )

        await rig.until(are_there, what="both follow the fill", and_else=triggers)
        assert rig.is_covered("anna")
        await rig.fills_told("anna")
        await rig.stop()
        check(rig, "anna")
