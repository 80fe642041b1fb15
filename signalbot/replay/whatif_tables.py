"""A what-if as people and programs read it."""

from collections.abc import Iterator
from typing import Any, Final

from signalbot.domain.money import text
from signalbot.domain.reasons import Reason
from signalbot.ledger.fates import Fate
from signalbot.replay import figures
from signalbot.replay.courses import Course, Difference
from signalbot.replay.prices import Hole
from signalbot.replay.summary import Table, plain
from signalbot.replay.whatif import CHANGED, PRESENT, WAS, WhatIf

_HEADS: Final = {WAS: "As it was", PRESENT: "Present", CHANGED: "Changed"}
_SHOWN: Final = 5
_KNOWN: Final = {code.value: code for code in Reason}


def title(found: WhatIf) -> str:
    """Whose, from when to when, how many signals, and what is tried out."""
    changes = f"; with {', '.join(found.changes)}" if found.changes else ""
    first = found.candles[0].candles[0].open_ms if found.candles else found.until_ms
    begin = found.since_ms or first
    return (
        f"{found.user_id}: {found.signals:,} signals from {figures.minute(begin)} to "
        f"{figures.minute(found.until_ms)} UTC{changes}"
    )


def notes(found: WhatIf) -> Iterator[str]:
    """What a reader has to know of where the numbers come from."""
    for each in found.candles:
        yield (
            f"{each.symbol} {each.timeframe}: {len(each.candles):,} candles of {each.source} to "
            f"{figures.minute(each.candles[-1].close_ms)}, {each.missing:,} missing"
        )
    for hole in found.holes:
        yield told(hole)
    if found.kept:
        yield (
            f"{found.kept} signals stay refused on every course: paused, halted or late, which no "
            "setting would have changed"
        )
    if found.begin_ms < found.since_ms:
        yield (
            f"the courses begin at {figures.minute(found.begin_ms)}, the last time before without "
            "a position"
        )
    if found.unasked:
        yield f"no AI had been asked about {found.unasked} signals: these pass as they are"
    if found.unfollowed:
        yield f"{found.unfollowed} signals of strategies that are not followed now are left out"
    if found.elsewhere:
        yield f"{found.elsewhere} signals of other exchanges than the account's are left out"


def told(hole: Hole) -> str:
    """Which signals are left out, and from when to when there are no candles."""
    count, shown = len(hole.signals), hole.signals[:_SHOWN]
    start = "the beginning" if hole.from_ms is None else f"{figures.minute(hole.from_ms)}"
    end = "the end" if hole.until_ms is None else f"{figures.minute(hole.until_ms)}"
    return (
        f"{hole.symbol}: no candles from {start} to {end}: {count} "
        f"signal{'s' if count > 1 else ''} left out: {', '.join(shown)}"
        + (f" and {count - _SHOWN} more" if count > _SHOWN else "")
    )


def tables(found: WhatIf, *, limit: int) -> list[Table]:
    """The courses side by side, what was refused by code, and where they part."""
    courses = found.comparison.courses
    made = [
        _figures(courses),
        _refusals(courses),
        _differences(found, courses, limit),
    ]
    return [table for table in made if table.rows]


def to_json(found: WhatIf) -> dict[str, Any]:
    """The same for programs: money as plain decimal text, times in ``_ms``."""
    courses = found.comparison.courses
    return {
        "user_id": found.user_id,
        "changes": list(found.changes),
        "begin_ms": found.begin_ms,
        "since_ms": found.since_ms,
        "until_ms": found.until_ms,
        "signals": found.signals,
        "kept": found.kept,
        "elsewhere": found.elsewhere,
        "unfollowed": found.unfollowed,
        "unasked": found.unasked,
        "candles": [
            {
                "symbol": each.symbol,
                "timeframe": each.timeframe.value,
                "source": each.source,
                "candles": len(each.candles),
                "missing": each.missing,
                "from_ms": each.candles[0].open_ms,
                "until_ms": each.candles[-1].close_ms,
            }
            for each in found.candles
        ],
        "left_out": plain(found.holes),
        "courses": [
            plain(each) | {"start_equity": text(found.start_equity[each.name])} for each in courses
        ],
        "differences": [_difference(each, courses) for each in found.comparison.differences],
    }


def _figures(courses: tuple[Course, ...]) -> Table:
    header = [
        "Course", "Trades", "Wins", "Win %", "Net PnL", "Fees", "Max DD", "Max DD %", "Open",
        "Failed", "Refused",
    ]  # fmt: skip
    return Table("Courses", header, [_line(each) for each in courses])


def _line(course: Course) -> list[str]:
    fall = course.max_drawdown
    return [
        course.name,
        str(course.trades),
        str(course.wins),
        figures.share(course.win_rate),
        figures.profit(course.net_pnl),
        figures.money(course.fees),
        figures.money(fall.quote if fall else None),
        figures.ratio(fall.percent if fall else None),
        str(course.open_positions),
        str(course.failed),
        str(course.refused),
    ]


def _refusals(courses: tuple[Course, ...]) -> Table:
    codes = dict.fromkeys(code for course in courses for code in course.refusals)
    rows = [
        [
            code,
            *(str(course.refusals.get(code, 0)) for course in courses),
            _KNOWN[code].cause if code in _KNOWN else "a code of an older version",
        ]
        for code in codes
    ]
    return Table(
        "Refused signals", ["Code", *(_HEADS[each.name] for each in courses), "Because"], rows
    )


def _differences(found: WhatIf, courses: tuple[Course, ...], limit: int) -> Table:
    every = found.comparison.differences
    shown = every[:limit] if limit else every
    heads = [_HEADS[each.name] for each in courses]
    more = f", the first {limit}: for more --limit N, 0 for all" if len(shown) < len(every) else ""
    return Table(
        f"Signals that did not end alike: {len(every):,}{more}",
        ["Signal", "Time", "Symbol", "Action", *heads, *(f"PnL {each.lower()}" for each in heads)],
        [
            [
                each.signal_id,
                figures.minute(each.at_ms),
                each.symbol,
                each.action.value,
                *(figures.NONE if fate is None else fate.word for fate in each.fates),
                *(figures.profit(fate.net_pnl if fate else None) for fate in each.fates),
            ]
            for each in shown
        ],
    )


def _difference(each: Difference, courses: tuple[Course, ...]) -> dict[str, Any]:
    return {
        "signal_id": each.signal_id,
        "at_ms": each.at_ms,
        "strategy": each.strategy,
        "symbol": each.symbol,
        "action": each.action.value,
        "courses": {
            course.name: None if fate is None else _fate(fate)
            for course, fate in zip(courses, each.fates, strict=True)
        },
    }


def _fate(fate: Fate) -> dict[str, Any]:
    position = fate.position
    return {
        "outcome": fate.outcome.value,
        "code": fate.code,
        "execution": fate.execution,
        "failure": fate.failure,
        "decided_at_ms": fate.decided_at_ms,
        "entry_price": None if position is None else text(position.entry_price),
        "quantity": None if position is None else text(position.entry_quantity),
        "close_reason": None
        if position is None or position.close_reason is None
        else position.close_reason.value,
        "net_pnl": None if fate.net_pnl is None else text(fate.net_pnl),
    }
