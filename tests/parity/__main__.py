"""The whole comparison as a table: ``python -m tests.parity``.

Own references always; public packages where they can be installed, or where ``--python`` has them;
real candles where they are, else made ones. Exits with 1 if anything differs. ``--write`` puts the
table into the manual.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path

from signalbot.domain.market import Candle
from signalbot.domain.timeframe import Timeframe
from signalbot.replay.report.assumptions import versions
from tests.parity import accounts, packages, turns
from tests.parity.candles import jumpy_candles
from tests.parity.packages import Row
from tests.real_candles import REAL, real_candles

_TOLERANCE = 1e-9
_MARKS = ("<!-- parity -->", "<!-- /parity -->")


def main() -> int:
    options = _options()
    began_s = time.perf_counter()
    rows = list(_rows(options))
    table = _table(rows, time.perf_counter() - began_s)
    print(table)
    if options.write:
        page = Path(str(files("signalbot").joinpath("manual", "numbers.md")))
        before, _, rest = page.read_text().partition(_MARKS[0])
        after = rest.partition(_MARKS[1])[2]
        page.write_text(f"{before}{_MARKS[0]}\n{table}\n{_MARKS[1]}{after}")
    return int(any(row.differences not in ("0", "") for row in rows))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.parity", description=__doc__)
    parser.add_argument("--no-packages", action="store_true", help="own references only")
    parser.add_argument("--write", action="store_true", help="put the table into the manual")
    parser.add_argument(
        "--python", type=Path, metavar="PATH",
        help="a Python that has the packages: nothing is installed",
    )  # fmt: skip
    return parser.parse_args()


def _rows(options: argparse.Namespace) -> Iterator[Row]:
    minutes = real_candles() if REAL.exists() else jumpy_candles(1, 20_000)
    if options.no_packages:
        yield from _own(minutes)
        return
    with packages.environment(options.python) as others:
        yield from _own(minutes)
        python = others.python()
        if python is not None:
            part = minutes[:6_000]
            yield packages.reversals(python, part, fee="0.0")
            yield packages.amounts(python, part)
            yield packages.orders(python, part)
            yield from packages.ratios(python, minutes)


def _own(minutes: Sequence[Candle]) -> Iterator[Row]:
    is_real = REAL.exists()
    yield from _indicators(minutes)
    yield from _strategies(minutes, is_real=is_real)
    yield _accounts("real candles" if is_real else "made candles", minutes, rounds=6)
    yield _accounts("gaps and dives", jumpy_candles(7, 6_000), rounds=2)


def _indicators(minutes: Sequence[Candle]) -> Iterator[Row]:
    for name, values, apart in turns.beside_talib(minutes):
        yield Row(
            name, f"TA-Lib {versions()['TA-Lib']}", f"{values:,} values",
            "0" if apart < _TOLERANCE else f"{apart:.1e}",
        )  # fmt: skip


def _strategies(minutes: Sequence[Candle], *, is_real: bool) -> Iterator[Row]:
    lengths = [Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.H1] if is_real else []
    for kind, cases in turns.CASES.items():
        found = wrong = 0
        for timeframe in lengths or [Timeframe.M1]:
            candles = real_candles(timeframe) if is_real else minutes
            for params in cases:
                held = turns.held(kind, candles, params, timeframe)
                found += held.turns
                wrong += len(held.missed) + len(held.invented)
        settings = len(cases) * max(1, len(lengths))
        yield Row(
            f"{kind}: turns missed or invented", "its definition, endless history",
            f"{found:,} turns, {settings} settings", str(wrong),
        )  # fmt: skip


def _accounts(name: str, candles: Sequence[Candle], *, rounds: int) -> Row:
    found = accounts.compare(candles, rounds=rounds, users=9, count=2_000)
    for each in found.differences:
        print(each, file=sys.stderr)
    return Row(
        f"fills, fees, PnL, reasons, equity, drawdown ({name})", "event engine, exact fractions",
        f"{found.settings} settings, {found.trades:,} trades, {found.fills:,} fills, "
        f"{found.liquidations} liquidations",
        str(len(found.differences)),
    )  # fmt: skip


def _table(rows: Sequence[Row], took_s: float) -> str:
    lines = [
        "| what | beside | compared | differences |",
        "|---|---|---|---|",
        *(f"| {r.what} | {r.against} | {r.compared} | {r.differences} |" for r in rows),
        "",
        f"{took_s:.0f} s; " + ", ".join(f"{name} {each}" for name, each in versions().items()),
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    raise SystemExit(main())
