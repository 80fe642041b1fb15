"""Accounts with settings drawn at random: replay and engine, equal to the last digit."""

import json
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from random import Random
from typing import Any

from signalbot.config.load import load
from signalbot.domain.market import Candle
from signalbot.domain.orders import Fill
from signalbot.domain.positions import Position
from signalbot.domain.timeframe import Timeframe
from signalbot.domain.users import UserId
from signalbot.ledger.booking import FILLS
from signalbot.ledger.history import read_ledger_history
from signalbot.ledger.views import open_ledger
from signalbot.observability.logging.setup import configure_logging
from signalbot.replay.report.equity import full_curve, max_drawdown
from signalbot.replay.run import config_for_symbol, replay
from tests.parity.engine import Bar, Call, Engine, Terms, Trade

BTC = "BTC/USDT:USDT"
F = Fraction
_DIGIT = F(1, 10**12)

HEAD = """
[exchanges.sim]
ccxt_id = "simulated"
[exchanges.sim.simulated]
taker_fee_percent = {fee}
slippage_bps = {slippage}
[strategies.rule]
kind = "{kind}"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
timeframe = "{timeframe}"
params = {params}
"""
USER = """
[users.{name}]
mode = "paper"
[users.{name}.account]
exchange = "sim"
leverage = {leverage}
paper_balance = {cash}
[users.{name}.subscriptions.rule]
sizing = {{ mode = "{mode}", {size}, risk_includes_costs = {costs}, slippage_bps = {expected} }}
[users.{name}.subscriptions.rule.protection]
stop_loss = {{ source = "{source}", percent = {stop} }}
take_profits_from = "{targets_from}"
take_profits = {targets}
break_even_after = {even}
on_opposite_signal = "{opposite}"
"""
RULES: Sequence[tuple[str, str, str]] = (
    ("ema_cross", "1m", "{ fast = 9, slow = 21 }"),
    ("ema_cross", "5m", "{ fast = 5, slow = 13, stop_atr = 1.0 }"),
    ("macd_cross", "1m", "{ take_profit_r = [0.5, 1.0, 3.0] }"),
    ("rsi_reversal", "1m", "{ period = 7 }"),
    ("supertrend", "1m", "{ multiplier = 2.0, take_profit_r = [] }"),
    ("donchian_breakout", "5m", "{ period = 10, exit_period = 5 }"),
)


@dataclass(frozen=True, slots=True)
class Compared:
    """How many things were equal, and the first that was not."""

    settings: int
    trades: int
    fills: int
    liquidations: int
    differences: Sequence[str]


def compare(
    candles: Sequence[Candle], *, rounds: int, users: int, count: int, first: int = 0
) -> Compared:
    """``rounds`` replays of ``count`` candles each, with ``users`` accounts in each.

    They are numbered from ``first`` on; the number is the seed of what is drawn.
    """
    settings = trades = fills = liquidations = 0
    differences: list[str] = []
    for number in range(first, first + rounds):
        random = Random(number)
        begin = random.randrange(len(candles) - count + 1)
        part = candles[begin : begin + count]
        drawn, text = _draw(random, number, users)
        theirs_all = replayed(text, part)
        bars = [_bar(each) for each in part]
        for name, terms in drawn.items():
            engine = Engine(terms)
            engine.run(bars, theirs_all.calls)
            theirs = theirs_all.positions.get(UserId(name), ())
            settings += 1
            trades += len(engine.trades)
            fills += sum(1 + len(each.gone) for each in engine.trades)
            liquidations += sum(each.reason == "LIQUIDATION" for each in engine.trades)
            differences += [
                f"round {number}, {name}: {each}"
                for each in _differences(engine, theirs, theirs_all.equity[UserId(name)], terms)
            ]
    return Compared(settings, trades, fills, liquidations, differences)


@dataclass(frozen=True, slots=True)
class Replayed:
    """What signalbot made of candles, by user."""

    positions: Mapping[str, Sequence[Position]]
    calls: Mapping[int, Sequence[Call]]
    equity: Mapping[str, Any]
    fills: Mapping[str, Sequence[Fill]]
    wallet: Mapping[str, Decimal]  #: cash and what all closed trades have kept, fees included


def replayed(text: str, candles: Sequence[Candle]) -> Replayed:
    """Replay ``candles`` by a configuration, and read everything back."""
    with tempfile.TemporaryDirectory() as name, Path("/dev/null").open("w") as nowhere:
        configure_logging(log_format="console", level="error", stream=nowhere, clock=lambda: 0)
        config, ledger = Path(name) / "config.toml", Path(name) / "replay.db"
        config.write_text(text)
        settings = config_for_symbol(load(config, {}), BTC)
        played = replay(settings, candles, timeframe=Timeframe.M1, ledger=ledger)
        calls: defaultdict[int, list[Call]] = defaultdict(list)
        fills: defaultdict[str, list[Fill]] = defaultdict(list)
        with open_ledger(ledger) as connection:
            for row in connection.execute(
                "SELECT * FROM signals ORDER BY created_at_ms, signal_id"
            ):
                calls[row["candle_close_ms"]].append(_call(row))
            for row in connection.execute("SELECT * FROM fills"):
                fills[row["user_id"]].append(FILLS.decode(row))
        positions = read_ledger_history(ledger).positions
    cash = {user.user_id: user.account.paper_balance for user in settings.users.values()}
    start = candles[0].open_ms
    return Replayed(
        positions={str(user_id): of for user_id, of in positions.items()},
        calls=calls,
        equity={
            user_id: full_curve(curve, start_equity=cash[user_id], start_ms=start)
            for user_id, curve in played.equity.items()
        },
        fills={
            user_id: sorted(each, key=lambda fill: int(fill.trade_id.removeprefix("t")))
            for user_id, each in fills.items()
        },
        wallet={
            user_id: cash[user_id] + sum((p.realized_pnl - p.fees for p in of), Decimal(0))
            for user_id, of in positions.items()
        },
    )


def _call(row: Any) -> Call:
    return Call(
        action=row["action"],
        price=F(row["price"]),
        stop=None if row["stop_loss"] is None else F(row["stop_loss"]),
        targets=tuple(map(F, json.loads(row["take_profits"]))),
    )


def _draw(random: Random, number: int, users: int) -> tuple[dict[str, Terms], str]:
    """Users with settings at random, as terms of the engine and as a configuration."""
    kind, timeframe, params = RULES[number % len(RULES)]
    fee, slippage = random.choice(("0.0", "0.02", "0.05", "0.1")), random.choice((0, 1, 5, 20))
    text = HEAD.format(fee=fee, slippage=slippage, kind=kind, timeframe=timeframe, params=params)
    drawn = {}
    for index in range(users):
        name = f"u{index}"
        mode = random.choice(("risk", "risk", "quote", "balance"))
        amount = {
            "risk": random.choice(("0.5", "1.0", "2.0")),
            "quote": random.choice(("300", "1000", "20000")),
            "balance": random.choice(("10.0", "50.0", "90.0", "100.0")),
        }[mode]
        size = {"risk": "risk_percent", "quote": "quote_amount", "balance": "balance_percent"}[mode]
        own_targets = random.choice(
            ((), ((1, 50), (2, 50)), ((0.4, 33.3), (0.8, 33.3), (1.5, 33.4)))
        )
        source = random.choice(("signal", "percent"))
        stop = random.choice(("0.3", "1.0", "2.5", "60.0"))
        of_signal = random.choice((True, False))
        values: dict[str, Any] = {
            "leverage": random.choice((1, 2, 5, 20, 50)),
            "cash": random.choice((300, 5_000, 100_000)),
            "costs": random.choice(("true", "false")),
            "expected": random.choice((0, 1, 5)),
            "even": random.choice((0, 0, 1, 2)),
            "opposite": random.choice(("ignore", "close", "reverse", "reverse")),
        }
        targets = ", ".join(f"{{ percent = {p}, share = {s} }}" for p, s in own_targets)
        text += USER.format(
            name=name, mode=mode, size=f"{size} = {amount}", source=source, stop=stop,
            targets_from="signal_or_own" if of_signal else "own", targets=f"[{targets}]", **values,
        )  # fmt: skip
        shares = tuple((F(str(p)) / 100, F(str(s)) / 100) for p, s in own_targets)
        drawn[name] = Terms(
            cash=F(values["cash"]), leverage=values["leverage"], mode=mode, amount=F(amount),
            with_costs=values["costs"] == "true",
            expected_slippage=F(values["expected"]) / 10_000,
            stop=F(stop) / 100 if source == "percent" else None,
            targets=shares, targets_of_signal=of_signal, break_even_after=values["even"],
            on_opposite=values["opposite"], fee=F(fee) / 100, slippage=F(slippage) / 10_000,
            tick=F(1, 10), lot=F(1, 1000), least_quantity=F(1, 1000), least_notional=F(5),
        )  # fmt: skip
    return drawn, text


def _differences(
    engine: Engine, theirs: Sequence[Position], curve: Any, terms: Terms
) -> list[str]:  # fmt: skip
    found = []
    if len(engine.trades) != len(theirs):
        found.append(f"{len(theirs)} positions, {len(engine.trades)} by the engine")
    for number, (ours, position) in enumerate(zip(engine.trades, theirs, strict=False)):
        if different := _unlike(ours, position):
            found.append(f"position {number}: {different}")
            break
    end = engine.after[-1]
    if abs(float(curve[-1][1]) - end) > 1e-7:
        found.append(f"equity ends at {curve[-1][1]}, {end} by the engine")
    fall, seen = max_drawdown(curve), _deepest(engine, float(terms.cash))
    if fall is None or abs(fall.percent - seen) > 1e-7:
        found.append(f"drawdown is {fall and fall.percent} %, {seen} by the engine")
    return found


def _unlike(ours: Trade, position: Position) -> str:
    exited = sum((quantity for quantity, _ in ours.gone), F(0))
    cost = sum((quantity * price for quantity, price in ours.gone), F(0))
    pairs: dict[str, tuple[Any, Any]] = {
        "side": (ours.side, position.side.sign),
        "opened": (ours.opened_ms, position.opened_at_ms),
        "quantity": (ours.quantity, F(position.entry_quantity)),
        "entry": (ours.entry, F(position.entry_price)),
        "exited": (exited, F(position.exit_quantity)),
        "closed": (ours.closed_ms, position.closed_at_ms),
        "reason": (ours.reason or None, position.close_reason and position.close_reason.value),
    }
    near: dict[str, tuple[Fraction, Fraction]] = {
        "exit": (cost / exited if exited else F(0), F(position.exit_price or 0)),
        "pnl": (ours.pnl, F(position.realized_pnl)),
        "fees": (ours.fees, F(position.fees)),
    }
    wrong = [f"{name} {b}, {a} by the engine" for name, (a, b) in pairs.items() if a != b]
    wrong += [
        f"{name} {float(b)}, {float(a)} by the engine"
        for name, (a, b) in near.items()
        if abs(a - b) > _DIGIT * max(F(1), abs(a))
    ]
    return "; ".join(wrong)


def _deepest(engine: Engine, cash: float) -> float:
    """The deepest fall from a close, or from what came of the orders at it, to a worst point."""
    peak, deepest = cash, 0.0
    for lowest, close, after in zip(engine.lowest, engine.closes, engine.after, strict=True):
        for equity in (lowest, close, after):
            peak = max(peak, equity)
            deepest = max(deepest, (peak - equity) / peak if peak > 0 else 0.0)
    return deepest * 100


def _bar(candle: Candle) -> Bar:
    return Bar(candle.close_ms, F(candle.open), F(candle.high), F(candle.low), F(candle.close))
