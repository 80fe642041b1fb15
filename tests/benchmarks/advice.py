"""What models that answer after a minute cost users who ask none, when all get one signal.

Every pair is two fresh worlds: twenty of the users ask nobody, or each asks a question of its own
that is not answered before the deadline. Measured is the wait of all the others.
"""

import asyncio
import tempfile
from pathlib import Path
from statistics import median

import structlog

from tests.ai.ai_fixtures import advised, ai_simulation
from tests.benchmarks.live import p99
from tests.simulation import user

ASKING, OTHERS, PAIRS = 20, 500, 5
AIM = 1.5
PATIENCE_S = 5


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    asyncio.run(_measure())  # the first one warms caches
    pairs = [(asyncio.run(_measure()), asyncio.run(_measure(slow=True))) for _ in range(PAIRS)]
    of_p50 = sorted(median(slow) / median(well) for well, slow in pairs)
    of_p99 = sorted(p99(slow) / p99(well) for well, slow in pairs)
    print(f"{OTHERS} users who ask no model, beside {ASKING} whose models answer after a minute")
    print(f"{'':>8} {'median':>7} {'least':>6} {'most':>6}")
    for name, ratios in (("x p50", of_p50), ("x p99", of_p99)):
        print(f"{name:>8} {median(ratios):>7.2f} {ratios[0]:>6.2f} {ratios[-1]:>6.2f}")
    print("" if median(of_p99) <= AIM else "above the aim\n")


async def _measure(*, slow: bool = False) -> list[int]:
    """What those who ask nobody have waited for their executions, in milliseconds."""
    others = [f"plain{number}" for number in range(OTHERS)]
    rest = [_asking(number) if slow else user(f"asking{number}") for number in range(ASKING)]
    with tempfile.TemporaryDirectory() as name:
        async with ai_simulation(Path(name), [*map(user, others), *rest]) as w:
            w.llm.delay_s = 60.0
            signal = await w.send(w.make())
            done = await w.services.storage.executions.executions(signal.signal_id)
            waits = [each.latency_ms for each in done if each.user_id in others]
            assert len(waits) == OTHERS
            assert bool(w.llm.asked) is slow, len(w.llm.asked)
            return [each for each in waits if each is not None]


def _asking(number: int) -> str:
    return advised(
        f"asking{number}", f", deadline = '{PATIENCE_S}s', instructions = 'I am {number}'"
    )
