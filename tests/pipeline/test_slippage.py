"""The expected slippage of an entry is that of the latest entries in its market."""

from decimal import Decimal
from pathlib import Path
from statistics import median

from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.orders import Leg
from signalbot.domain.positions import CloseReason, Position
from signalbot.domain.users import UserId
from signalbot.pipeline.account import Account
from signalbot.pipeline.slippage_history import SlippageHistory
from tests.simulation import BTC, ETH, HEAD, Simulation, run_in_virtual_time, user

COSTS = st.lists(st.integers(-50, 200).map(lambda tenths: Decimal(tenths) / 10), max_size=60)


@given(COSTS)
def test_it_is_the_median_of_the_last_twenty_and_never_a_gain(costs: list[Decimal]) -> None:
    """It is zero with fewer than five entries; another market does not count."""
    history = SlippageHistory()
    history.restore((BTC, each) for each in costs)
    latest = costs[-20:]
    expected = max(Decimal(0), median(latest)) if len(latest) >= 5 else Decimal(0)
    assert history.expected_bps(BTC) == expected
    assert history.expected_bps(ETH) == 0


def test_an_account_sizes_with_what_its_entries_have_cost(tmp_path: Path) -> None:
    """After five entries that slipped by 20 basis points, the sixth is smaller by them."""
    slipping = HEAD.replace("slippage_bps = 0.0", "slippage_bps = 20")
    risk = 'sizing = { mode = "risk", risk_percent = 0.1 }'

    async def story(w: Simulation) -> None:
        for number in range(6):
            await w.send(w.make(key=f"in{number}", stop="99"))
            await w.services.execution.position_closer.close(*_held(w))
        sizes = [each.quantity for each in w.broker("anna").sent if each.leg is Leg.ENTRY]
        assert max(sizes[:5]) - min(sizes[:5]) < Decimal("0.1")
        assert sizes[5] < min(sizes[:5]) * Decimal("0.8")

    run_in_virtual_time(tmp_path, story, user("anna", extra=risk), head=slipping)


def _held(w: Simulation) -> tuple[Account, Position, CloseReason]:
    account = w.services.control.accounts[UserId("anna")]
    return account, account.positions[BTC], CloseReason.MANUAL
