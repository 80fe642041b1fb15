"""Demo: the daemon on a simulated exchange over a few hours of virtual time."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

from signalbot.app.composition import build
from signalbot.app.lifecycle import running
from signalbot.app.services import Services
from signalbot.config.load import load
from signalbot.config.settings import Config
from signalbot.domain.timeframe import Ms
from signalbot.exchange.simulated.exchange import SimulatedExchange
from signalbot.ledger.database import open_replay_database
from signalbot.ports import Exchange
from signalbot.replay import virtual_time
from signalbot.settings.simulation import SimulationRules
from signalbot.tasks import LoopClock

START = Ms(1_767_603_600_000)  # 2026-01-05 09:00 UTC, fixed, so that every demo is the same
_DUPLICATE_AFTER_MINUTES = 30


def demo(
    folder: Path, *, minutes: int, speed: float | None, on_start: Callable[[LoopClock], None]
) -> Path:
    """Run the demo in ``folder`` and return its ledger.

    ``speed`` is a factor of real time; None runs as fast as possible.
    """
    file = folder / "demo.toml"
    file.write_text(files(__package__).joinpath("demo.toml").read_text())
    ledger = folder / "demo.db"
    virtual_time.run_virtual(_demo(load(file, {}), ledger, minutes, on_start), speed=speed)
    return ledger


async def _demo(
    config: Config, ledger: Path, minutes: int, on_start: Callable[[LoopClock], None]
) -> None:
    clock = LoopClock(START)
    on_start(clock)
    async with open_replay_database(ledger) as database:
        exchanges: dict[str, Exchange] = {
            name: await SimulatedExchange.open(
                name, settings.simulated or SimulationRules(), database=database, clock=clock
            )
            for name, settings in config.exchanges.items()
        }
        services = build(config, database=database, exchanges=exchanges, clock=clock)
        async with running(services):
            await clock.sleep(_DUPLICATE_AFTER_MINUTES * 60)
            await _deliver_duplicate(services, clock)
            await clock.sleep_until(Ms(START + minutes * 60_000))


async def _deliver_duplicate(services: Services, clock: LoopClock) -> None:
    """Wait for a signal and deliver it again, as a sender does after a timeout."""
    while not (signals := await services.storage.signals.active(clock.now_ms())):
        await clock.sleep(30)
    await clock.sleep(20)
    await services.outbound.emitter.redeliver(signals[-1])
