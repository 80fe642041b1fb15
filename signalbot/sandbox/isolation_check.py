"""Checks the isolation of strategy files on this machine.

A probe file that attempts every forbidden operation is run like any strategy file: attempts that
succeed are reported, whatever features the kernel claims to support.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from signalbot.domain.timeframe import Ms, Timeframe
from signalbot.sandbox.strategy_runner import StrategyFile, StrategyRunner, WorkerDied
from signalbot.strategies.base import CandleTable, StrategyFailed

PROBE = """
import ctypes, fcntl, os, signal, socket, threading
from pathlib import Path
from signalbot.strategy import Strategy, long

HERE = Path(__file__)
OWN = str(HERE.with_name("own.txt"))
OUTSIDE = str(HERE.parent.with_name("outside.txt"))
ATTEMPTS = {
    "reads": lambda: open(OUTSIDE).read(),
    "lists": lambda: os.listdir(HERE.parents[1]),
    "writes": lambda: open(OWN, "a").write("x"),
    "makes": lambda: os.mkdir(OWN + ".folder"),
    "moves": lambda: (os.rename(OWN, OWN + ".moved"), os.rename(OWN + ".moved", OWN)),
    "cuts": lambda: os.truncate(OWN, 0),
    "tcp": lambda: socket.socket(),
    "udp": lambda: socket.socket(type=socket.SOCK_DGRAM),
    "unix": lambda: socket.socket(socket.AF_UNIX),
    "forks": lambda: os.fork() or os._exit(0),
    "threads": lambda: threading.Thread(target=int).start(),
    "signals": lambda: os.kill(os.getppid(), 0),
    "owns": lambda: fcntl.fcntl(1, fcntl.F_SETOWN, os.getppid()),
    "modes": lambda: os.chmod(OWN, 0o600),
    "times": lambda: os.utime(OWN),
    "gains": lambda: 1 / (ctypes.CDLL(None).prctl(39, 0, 0, 0, 0) == 0),
}

def succeeds(attempt):
    try:
        attempt()
    except BaseException:
        return False
    return True

class Probe(Strategy):
    def warm_up(self, timeframe, params):
        return 1

    def on_candle(self, candles, params):
        return long(" ".join(name for name, attempt in ATTEMPTS.items() if succeeds(attempt)))
"""


@dataclass(frozen=True, slots=True)
class IsolationCheck:
    """Result of one isolation check."""

    what: str
    holds: bool
    result: str  #: one sentence for the operator


@dataclass(frozen=True, slots=True)
class _IsolationRule:
    """One property of the isolation, and how it is verified."""

    missing: tuple[str, ...]  #: features a worker reports if the kernel lacks them
    attempts: tuple[str, ...]  #: attempts of the probe, none of which may succeed
    held: str
    broken: str


_ISOLATION_RULES: Mapping[str, _IsolationRule] = {
    "files": _IsolationRule(
        ("files",),
        ("reads", "lists", "writes", "makes", "moves"),
        "reads only libraries and its own folder, and writes nothing",
        "can read and write all files of the daemon's user, including master key and ledger",
    ),
    "truncation": _IsolationRule(
        ("files", "truncation"),
        ("cuts",),
        "cannot truncate files",
        "can truncate files of the daemon's user",
    ),
    "network": _IsolationRule(
        ("calls",),
        ("tcp", "udp", "unix"),
        "cannot open sockets",
        "can open sockets",
    ),
    "calls": _IsolationRule(
        ("calls",),
        ("forks", "threads", "signals", "owns", "modes", "times"),
        "cannot start or signal processes and threads, or change owner, mode and times of files",
        "can start threads, send signals to the daemon and change owner, mode and times of files",
    ),
    "privileges": _IsolationRule(
        ("privileges",),
        ("gains",),
        "cannot gain privileges",
        "can gain privileges by running privileged programs",
    ),
    "priority": _IsolationRule(
        ("priority",),
        (),
        "has a lower CPU priority than the daemon, and is killed first when memory runs out",
        "competes with the daemon for CPU and memory",
    ),
}


def check_isolation() -> tuple[IsolationCheck, ...]:
    """Run the probe in a worker and return the result of every check."""
    missing, succeeded = _probe_worker()
    return tuple(_check(what, each, missing, succeeded) for what, each in _ISOLATION_RULES.items())


def _check(
    what: str, rule: _IsolationRule, missing: Mapping[str, str], succeeded: frozenset[str]
) -> IsolationCheck:
    lacking = [missing[each] for each in rule.missing if each in missing]
    lacking += [f"the attempt {each!r} succeeds" for each in rule.attempts if each in succeeded]
    result = f"{rule.broken}: {'; '.join(lacking)}" if lacking else rule.held
    return IsolationCheck(what, not lacking, f"a strategy file {result}")


def _probe_worker() -> tuple[dict[str, str], frozenset[str]]:
    """Return the missing features with reasons, and the attempts that succeeded."""
    with TemporaryDirectory(prefix="signalbot-probe-") as folder:
        home = Path(folder, "strategies")
        home.mkdir(mode=0o700)
        Path(folder, "outside.txt").write_text("outside", encoding="utf-8")
        Path(home, "own.txt").write_text("own", encoding="utf-8")
        path = home / "probe.py"
        path.write_text(PROBE, encoding="utf-8")
        try:
            return _run_probe(StrategyFile.read(path, timeframe=Timeframe.M1, params={}))
        except (StrategyFailed, WorkerDied) as e:
            reason = f"no worker can be started: {e}"
            everything = (name for each in _ISOLATION_RULES.values() for name in each.missing)
            return dict.fromkeys(everything, reason), frozenset()


def _run_probe(file: StrategyFile) -> tuple[dict[str, str], frozenset[str]]:
    runner = StrategyRunner(file, on_line=lambda _: None)
    try:
        missing = dict(runner.describe().missing)
        one = CandleTable.of(Ms(60_000), np.ones((5, 1), np.float64))
        proposal = runner.evaluate("BTC/USDT", {Timeframe.M1: one})
        return missing, frozenset(proposal.reason.split() if proposal is not None else ())
    finally:
        runner.suspend()
