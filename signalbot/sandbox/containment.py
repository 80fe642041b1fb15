"""What keeps a strategy file to itself on this machine, and what does not."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from signalbot.domain.timeframe import Timeframe
from signalbot.sandbox.runner import Runner, StrategyFile, WorkerDied
from signalbot.strategies.base import Failed

_PROBE = """
from signalbot.strategy import Strategy

class Probe(Strategy):
    def warm_up(self, timeframe, params):
        return 1
"""


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing a strategy file must not be able to do."""

    what: str
    holds: bool
    says: str  #: one sentence for the operator


_MEASURES = {
    "files": (
        ("files",),
        "reads libraries and its own folder, writes nothing",
        "may read and write whatever the daemon's user may, the master key and the ledger included",
    ),
    "truncation": (
        ("files", "truncation"),
        "cannot cut files short",
        "may cut short files of the daemon's user",
    ),
    "network": (
        ("calls",),
        "opens no socket",
        "may open sockets",
    ),
    "calls": (
        ("calls",),
        "starts no process and touches no other, nor owner, mode or times of files",
        "may send signals to the daemon and change owner, mode and times of its files",
    ),
    "privileges": (
        ("privileges",),
        "cannot gain privileges",
        "may gain privileges by running programs that have them",
    ),
}


def containment() -> tuple[Measure, ...]:
    """What a worker reports that was started and confined on this machine just now."""
    missing = _ask_a_worker()
    return tuple(
        Measure(
            what,
            not (lacking := [missing[each] for each in needs if each in missing]),
            f"a strategy file {bad}: {'; '.join(lacking)}"
            if lacking
            else f"a strategy file {good}",
        )
        for what, (needs, good, bad) in _MEASURES.items()
    )


def _ask_a_worker() -> dict[str, str]:
    with TemporaryDirectory(prefix="signalbot-probe-") as folder:
        path = Path(folder, "probe.py")
        path.write_text(_PROBE, encoding="utf-8")
        runner = Runner(
            StrategyFile.read(path, timeframe=Timeframe.M1, params={}), say=lambda _: None
        )
        try:
            return dict(runner.describe().missing)
        except (Failed, WorkerDied) as e:
            reason = f"no worker can be started: {e}"
            return {each: reason for needs, _, _ in _MEASURES.values() for each in needs}
        finally:
            runner.rest()
