"""A single alert cannot use all that an account's leverage allows."""

from decimal import Decimal
from pathlib import Path

import pytest

from signalbot.domain.users import UserId
from tests.simulation import HEAD, Simulation, run_in_virtual_time, user

ALERTS = HEAD.replace('kind = "ema_cross"', 'kind = "webhook"').replace('timeframe = "5m"\n', "")
BY_RISK = 'sizing = { mode = "risk", risk_percent = 1 }\n'
ANNA = UserId("anna")


@pytest.mark.parametrize(
    ("head", "extra", "most"),
    [
        (ALERTS, "", 3),
        (ALERTS, "risk = { max_exposure_percent = 100 }\n", 1),
        (ALERTS, 'risk = { max_exposure_percent = "none" }\n', 5.5),
        (HEAD, "", 5.5),
    ],
)
def test_a_stop_as_close_as_can_be_makes_no_position_beyond_the_ceiling(
    tmp_path: Path, head: str, extra: str, most: float
) -> None:
    """One percent of risk a fifth of a percent away, costs included, is five times the equity."""

    async def story(w: Simulation) -> None:
        await w.send(w.make(price="100", stop="99.9"))
        (position,) = await w.services.storage.trades.open_positions(ANNA)
        equity = Decimal(10_000)
        worth = position.entry_price * position.quantity
        assert equity * Decimal(most) * Decimal("0.9") < worth <= equity * Decimal(most)

    run_in_virtual_time(
        tmp_path, story, user("anna", leverage=20, extra=BY_RISK + extra), head=head
    )
