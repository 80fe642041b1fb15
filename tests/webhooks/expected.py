"""What each alert of ``webhooks.jsonl`` leads to, as numbers that a test can compare."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CASES: list[dict[str, Any]] = [
    json.loads(line) for line in Path(__file__).with_name("webhooks.jsonl").read_text().splitlines()
]
"""Bodies as real senders post them, the position before (``given``), and the right result."""


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The result of one case; percents are of the market's price."""

    refused: tuple[str, ...] | None = None  #: what the refusal names; None: it is taken
    actions: tuple[str, ...] = ()  #: of the signals that the last body leads to
    stop: str | None = None
    stop_percent: float | None = None
    targets: tuple[str, ...] = ()
    target_percents: tuple[float, ...] = ()
    shares: tuple[str, ...] = ()
    trailing: str | None = None
    exit_percent: str = "100"
    trades: int = 0  #: positions that have been opened at the end
    is_open: bool = False  #: whether one is left at the end
    is_test: bool = False


EXIT_LONG, EXIT_SHORT = Expected(actions=("EXIT_LONG",)), Expected(actions=("EXIT_SHORT",))
BOTH = Expected(actions=("EXIT_LONG", "EXIT_SHORT"))
CLOSED = Expected(actions=("EXIT_LONG", "EXIT_SHORT"), trades=1)
HALF = Expected(actions=("EXIT_LONG",), exit_percent="50", trades=1, is_open=True)


def _long(**more: Any) -> Expected:
    return Expected(actions=("LONG",), trades=1, is_open=True, **more)


def _refused(*named: str) -> Expected:
    return Expected(refused=named)


_TWO_TARGETS = {"target_percents": (2, 4), "shares": ("50", "50")}

EXPECTED: tuple[Expected, ...] = (
    EXIT_LONG,
    EXIT_SHORT,
    EXIT_SHORT,
    EXIT_LONG,
    EXIT_LONG,
    EXIT_SHORT,
    EXIT_LONG,
    BOTH,
    BOTH,
    BOTH,
    BOTH,
    EXIT_LONG,
    EXIT_SHORT,
    Expected(actions=("EXIT_LONG",), trades=1),
    HALF,
    Expected(actions=("EXIT_LONG", "EXIT_SHORT"), exit_percent="50", trades=1, is_open=True),
    _refused("action 'sell'", "sentiment 'bullish'"),
    _refused("action 'buy'", "sentiment 'bearish'"),
    _refused("market_position", "{{strategy.market_position}}"),
    EXIT_LONG,
    _refused("type 'update'"),
    _refused("type 'reEntry'"),
    Expected(),
    _refused("type 'stop-loss'"),
    _refused("type 'trailing_stop'"),
    Expected(),
    _long(stop="60000", targets=("66000",)),
    _long(stop="60000", targets=("66000",)),
    _long(stop="60000", targets=("66000",)),
    _long(stop_percent=5),
    _long(stop_percent=5),
    _long(stop_percent=100 * 2000 / 63000),
    _long(trailing="0.75"),
    _long(stop="60000", targets=("64000", "66000")),
    _long(stop_percent=3, **_TWO_TARGETS),
    _long(stop_percent=5, **_TWO_TARGETS),
    _long(),
    CLOSED,
    CLOSED,
    _refused("sl '62,300.50'"),
    _refused("take profit 61000"),
    Expected(actions=("EXIT_LONG", "EXIT_SHORT"), trades=2),
    Expected(actions=("EXIT_LONG", "EXIT_SHORT"), trades=2),
    Expected(actions=("LONG",), trades=2, is_open=True),
    CLOSED,
    _refused("timestamp", "{{timenow}}"),
    _long(),
    _long(),
    _refused("timestamp", "the sender's clock is fast"),
    _long(),
    _refused("instId", "ETH-USDT-SWAP"),
    _refused("tickerid", "ETHUSDT.P"),
    _refused("ticker", "ETHUSDT"),
    _refused("ticker", "{{ticker}}"),
    _long(),
    _long(),
    _refused("line 1 column"),
    _refused("{{plot_0}}"),
    Expected(actions=("LONG",), is_test=True),
)
"""In the order of the file."""
