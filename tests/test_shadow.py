"""The paper account shadows a live one never comes first and never counts."""

from pathlib import Path

from signalbot.domain.executions import DecisionOutcome
from signalbot.domain.users import Mode
from tests.simulation import ETH, Simulation, run_in_virtual_time, user

LIMITS = "risk = { max_open_positions = 1, max_trades_per_day = 1 }"
ANNA = user("anna", mode="live", extra=LIMITS).replace(
    "leverage = 5", "leverage = 5\nshadow = true", 1
)


def test_a_shadow_comes_after_all_users_and_uses_none_of_their_limits(tmp_path: Path) -> None:
    """Whatever the order of users; the owner's only trade of the day stays the owner's."""

    async def story(w: Simulation) -> None:
        for key in ("1", "2", "3"):
            signal = await w.send(w.make(key=key))
            ranks = {}
            for name in ("anna", "anna.shadow", "ben", "cleo"):
                decision = await w.decision(signal, name)
                assert decision is not None
                if key == "1":
                    assert decision.outcome is DecisionOutcome.EXECUTE
                    ranks[name] = decision.detail["rank"]
            if ranks:
                assert ranks["anna.shadow"] == 3
        first = w.make(key="1")
        own, shadows = await w.execution(first, "anna"), await w.execution(first, "anna.shadow")
        assert own is not None
        assert shadows is not None
        assert (own.mode, shadows.mode) == (Mode.LIVE, Mode.PAPER)
        assert own.quantity == shadows.quantity
        refused = await w.decision(await w.send(w.make(key="4", symbol=ETH)), "anna.shadow")
        assert refused is not None
        assert refused.code == "MAX_OPEN_POSITIONS"

    run_in_virtual_time(tmp_path, story, user("ben"), ANNA, user("cleo"))
