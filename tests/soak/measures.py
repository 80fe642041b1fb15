"""What is measured while it runs, and what may become of it."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

_LINE = re.compile(r"^(\S+?)(\{[^}]*\})? (\S+)$", re.MULTILINE)
_MB = 1_000_000
_OF_ONE_SIGNAL = 800  # what two hundred users are told of it, more or less


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The daemon at one moment."""

    at_s: float  #: since the run began
    rss_mb: float
    tasks: float
    files: float  #: open file descriptors
    wal_mb: float
    notices: float  #: in the outbox, not delivered yet
    writes: float  #: that wait for the ledger


def sample(text: str, *, wal: Path, at_s: float) -> Sample:
    """From what ``/metrics`` says, and the size of the write-ahead log."""
    values = {f"{name}{labels or ''}": float(value) for name, labels, value in _LINE.findall(text)}
    return Sample(
        at_s=at_s,
        rss_mb=values["process_resident_memory_bytes"] / _MB,
        tasks=values["signalbot_tasks"],
        files=values["process_open_fds"],
        wal_mb=wal.stat().st_size / _MB if wal.exists() else 0.0,
        notices=values['signalbot_queue_depth{queue="notices"}'],
        writes=values['signalbot_queue_depth{queue="ledger"}'],
    )


@dataclass(frozen=True, slots=True)
class Bound:
    """How a measure may behave once everything is warm: a third of the run against the next."""

    name: str
    of: Callable[[Sample], float]
    by: Callable[[Sequence[float]], float]  #: what a third comes to
    growth: Callable[[float], float]  #: the most that the last third may be, from the one before


BOUNDS = (
    Bound("RSS, MB", lambda each: each.rss_mb, mean, lambda before: before * 1.08 + 4),
    Bound("tasks", lambda each: each.tasks, mean, lambda before: before * 1.1 + 20),
    Bound("open files", lambda each: each.files, mean, lambda before: before + 12),
    Bound("WAL, MB", lambda each: each.wal_mb, max, lambda before: max(before * 1.25, 64)),
    Bound(
        "notices waiting",
        lambda each: each.notices,
        mean,
        lambda before: before * 1.25 + _OF_ONE_SIGNAL,
    ),
    Bound("writes waiting", lambda each: each.writes, mean, lambda before: before * 1.25 + 100),
)


def thirds(samples: Sequence[Sample]) -> tuple[Sequence[Sample], Sequence[Sample]]:
    """The second third of the run, and the last."""
    whole_s = samples[-1].at_s
    second = [each for each in samples if whole_s / 3 <= each.at_s < whole_s * 2 / 3]
    return second, [each for each in samples if each.at_s >= whole_s * 2 / 3]


def grown(samples: Sequence[Sample]) -> Iterator[str]:
    """What has grown beyond its bound."""
    second, last = thirds(samples)
    for bound in BOUNDS:
        before, after = (bound.by([bound.of(each) for each in part]) for part in (second, last))
        if after > bound.growth(before):
            yield f"{bound.name}: {before:.1f} in the second third, {after:.1f} in the last"


def table(samples: Sequence[Sample]) -> str:
    """Every measure at the start, after a third, after two, and at the end, as Markdown."""
    second, last = thirds(samples)
    moments = (samples[0], second[0], last[0], samples[-1])
    rows = [
        "| measure | start | 1/3 | 2/3 | end | most |",
        "|---|---|---|---|---|---|",
        *(
            f"| {bound.name} | {' | '.join(f'{bound.of(each):,.1f}' for each in moments)} "
            f"| {max(map(bound.of, samples)):,.1f} |"
            for bound in BOUNDS
        ),
    ]
    return "\n".join(rows)
