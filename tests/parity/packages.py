"""Public packages beside signalbot: each in an environment of its own, given the same input."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from typing import Any

from signalbot.domain.market import Candle
from signalbot.domain.positions import Position
from signalbot.replay.report.equity import daily_returns, max_drawdown, sharpe, sortino
from tests.parity.accounts import HEAD, USER, replayed

PACKAGES = (
    "backtesting==0.6.6",
    "nautilus_trader==1.221.0",
    "quantstats==0.0.86",
    "empyrical-reloaded==0.7.1",
)
_HERE = Path(__file__).parent / "theirs"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    what: str
    against: str
    compared: str
    differences: str


class Environment:
    """A Python that has the packages: a given one, or one made for the time being.

    It is made while other things are compared; ``python`` waits for it.
    """

    def __init__(self, folder: Path, given: Path | None) -> None:
        self._given = given
        self._python = folder / "bin" / "python"
        script = (
            f'"{sys.executable}" -m venv "{folder}" && "{self._python}" -m pip install -q '
            f"--no-compile {' '.join(PACKAGES)}"
        )
        self._making = (
            None
            if given
            else subprocess.Popen(
                ["sh", "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            )
        )

    def python(self) -> Path | None:
        """None where the packages cannot be installed; standard error says why."""
        if self._making is None:
            return self._given
        _, trouble = self._making.communicate()
        if self._making.returncode == 0:
            return self._python
        print(f"packages not installed: {trouble.strip()[-500:]}", file=sys.stderr)
        return None


@contextmanager
def environment(given: Path | None) -> Iterator[Environment]:
    """The environment for a block; one that was made goes away with it."""
    with tempfile.TemporaryDirectory(prefix="parity-") as folder:
        yield Environment(Path(folder), given)


def ask(python: Path, script: str, given: object) -> Any:
    """What a script makes of ``given``."""
    done = subprocess.run(
        [str(python), str(_HERE / f"{script}.py")],
        input=json.dumps(given), capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{script}: {done.stderr[-2000:]}")
    return json.loads(done.stdout[done.stdout.index("{") :])


REVERSING = HEAD + USER
_SHARES = """
[exchanges.sim.simulated.symbols."BTC/USDT:USDT"]
tick = 0.00001
lot = 1
min_quantity = 1
min_notional = 0
"""


def reversals(python: Path, candles: Sequence[Candle], *, fee: str) -> Row:
    """Nine tenths of the balance in whole shares, reversed at every cross."""
    scaled = [_scaled(each) for each in candles]
    text = _config(fee=fee, mode="balance", size="balance_percent = 90.0") + _SHARES
    ours = replayed(text, scaled)
    positions = ours.positions["u0"]
    places = {each.close_ms: at for at, each in enumerate(scaled)}
    sides = {places[each.opened_at_ms]: each.side.sign for each in positions}
    theirs = ask(
        python,
        "backtesting_py",
        {
            "candles": [
                [each.close_ms, *map(float, (each.open, each.high, each.low, each.close))]
                for each in scaled
            ],
            "sides": sides,
            "size": 0.9,
            "cash": 100_000,
            "commission": float(fee) / 100,
            "margin": 1.0,
        },
    )
    mine = [[int(each.entry_quantity) * each.side.sign for each in positions]]
    yours = [[trade[0] for trade in theirs["trades"]]]
    wrong = sum(a != b for a, b in zip(mine[0], yours[0], strict=False))
    first = ", ".join(str(abs(each)) for each in mine[0][:4])
    return Row(
        f"shares by balance on reversals ({first}, ...)",
        "backtesting.py 0.6.6",
        f"{len(mine[0])} entries",
        str(wrong + abs(len(mine[0]) - len(yours[0]))),
    )


def amounts(python: Path, candles: Sequence[Candle]) -> Row:
    """A fixed quantity with fees: entry, exit, profit and fee of every trade."""
    scaled = [_scaled(each) for each in candles]
    text = _config(fee="0.05", mode="quote", size="quote_amount = 5000") + _SHARES
    ours = replayed(text, scaled)
    positions: Sequence[Position] = ours.positions["u0"]
    places = {each.close_ms: at for at, each in enumerate(scaled)}
    wrong = compared = 0
    sides = {places[each.opened_at_ms]: each.side.sign for each in positions}
    # Quantities differ from trade to trade: each is followed by itself.
    theirs = ask(
        python,
        "backtesting_py",
        {
            "candles": [
                [each.close_ms, *map(float, (each.open, each.high, each.low, each.close))]
                for each in scaled
            ],
            "sides": sides,
            "size": 1000,
            "cash": 100_000,
            "commission": 0.0005,
            "margin": 1.0,
        },
    )
    for position, trade in zip(positions, theirs["trades"], strict=False):
        if position.exit_price is None:
            continue
        size, entry, exit_price, pnl, commission = trade
        share = Decimal(1000) / position.entry_quantity
        gross = float(position.realized_pnl * share)
        fees = float(position.fees * share)
        same = (
            position.side.sign * size == 1000
            and abs(entry - float(position.entry_price)) < 1e-9
            and abs(exit_price - float(position.exit_price)) < 1e-9
            and abs(pnl - (gross - fees)) < 1e-6
            and abs(commission - fees) < 1e-6
        )
        wrong, compared = wrong + (not same), compared + 1
    return Row(
        "price, profit and fee of trades", "backtesting.py 0.6.6", f"{compared} trades", str(wrong)
    )


def orders(python: Path, candles: Sequence[Candle]) -> Row:
    """The same market orders: every fill, every fee, and what the account has in the end."""
    text = _config(fee="0.05", mode="risk", size="risk_percent = 1.0")
    ours = replayed(text, candles)
    fills = ours.fills["u0"]
    by_close: dict[int, list[str]] = {}
    for fill in fills:
        by_close.setdefault(fill.filled_at_ms, []).append(str(fill.quantity * fill.side.sign))
    theirs = ask(
        python,
        "nautilus",
        {
            "candles": [
                [each.close_ms, *map(str, (each.open, each.high, each.low, each.close))]
                for each in candles
            ],
            "orders": by_close,
            "fee": "0.0005",
            "cash": 100_000,
        },
    )
    cent = Decimal("0.00000001")
    wrong = 0
    for fill, (side, quantity, price, fee) in zip(fills, theirs["fills"], strict=False):
        same = (
            side.lower() == fill.side.value
            and Decimal(quantity) == fill.quantity
            and Decimal(price) == fill.price
            and abs(Decimal(fee) - fill.fee) <= cent
        )
        wrong += not same
    balance = Decimal(theirs["balance"])
    off = abs(balance - ours.wallet["u0"])
    wrong += abs(len(fills) - len(theirs["fills"])) + (off > len(fills) * cent)
    return Row(
        "fills and fees of the same orders, and the balance after them",
        "nautilus_trader 1.221",
        f"{len(fills)} fills",
        str(wrong),
    )


def ratios(python: Path, candles: Sequence[Candle]) -> list[Row]:
    """Sharpe, Sortino and drawdown of daily returns, beside two packages."""
    size = "balance_percent = 50.0"
    text = _config(fee="0.05", mode="balance", size=size, timeframe="15m")
    curve = replayed(text, candles).equity["u0"]
    returns = daily_returns(curve)
    theirs = ask(python, "ratios", returns)
    level, daily = Decimal(1), [(candles[0].open_ms, Decimal(1))]
    for day, each in enumerate(returns, 1):
        level *= 1 + Decimal(each)
        daily.append((type(candles[0].open_ms)(candles[0].open_ms + day * 86_400_000), level))
    fall = max_drawdown(daily)
    ours = {
        "sharpe": sharpe(returns),
        "sortino": sortino(returns),
        "drawdown": fall.percent if fall else None,
    }
    return [
        Row(
            f"{name} of {len(returns)} daily returns",
            package,
            f"{value:.6f}" if value is not None else "none",
            "0" if value is not None and abs(value - theirs[package][name]) < 1e-6
            else f"{theirs[package][name]:.6f}",
        )
        for package in ("quantstats", "empyrical")
        for name, value in ours.items()
    ]  # fmt: skip


def _config(*, fee: str, mode: str, size: str, timeframe: str = "1m") -> str:
    head = HEAD.format(
        fee=fee, slippage=0, kind="ema_cross", timeframe=timeframe, params="{ fast = 9, slow = 21 }"
    )
    user = USER.format(
        name="u0", leverage=1, cash=100_000, mode=mode, size=size, costs="true", expected=0,
        source="percent", stop="90.0", targets_from="none", targets="[]", even=0,
        opposite="reverse",
    )  # fmt: skip
    return head + user


def _scaled(candle: Candle) -> Candle:
    """The price by ten thousand: whole shares are small enough then."""
    prices = {
        name: (getattr(candle, name) / 10_000).quantize(Decimal("0.00001"), ROUND_DOWN)
        for name in ("open", "high", "low", "close")
    }
    return Candle(
        symbol=candle.symbol,
        timeframe=candle.timeframe,
        open_ms=candle.open_ms,
        volume=candle.volume,
        **prices,
    )
