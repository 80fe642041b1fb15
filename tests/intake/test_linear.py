"""Nothing that is sent costs more than in proportion to its length: no form, however it is bent."""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
from fastapi import HTTPException

from signalbot.api.bodies import parse
from signalbot.api.limits import MOST_BYTES
from signalbot.domain.errors import BadSignal
from signalbot.intake.alert import Meaning, secret_of, understand
from tests.domain.samples import NOW

MEANING = Meaning(symbols=("BTC/USDT:USDT", "ETH/USDT:USDT"), actions=frozenset())
LIMIT_S = 0.25  # of the processor; what was quadratic took many seconds


def bodies() -> Iterator[tuple[str, str]]:
    """Every form of an alert, stretched to the limit where a reader might go back and forth."""
    for name, unit in {
        "spaces": " ",
        "letters": "a",
        "names": "a ",
        "separators": "a=",
        "colons": ":",
        "semicolons": "a=b;",
        "lines": "a=b\n",
        "digits": "9",
        "quotes": '"',
        "braces": "{",
        "brackets": "[",
        "dots": ".",
        "perpetuals": "PERP",
        "no-break spaces": "\N{NO-BREAK SPACE}",
    }.items():
        size = len(unit.encode())
        yield name, unit * (MOST_BYTES // size)
        for before, after in (
            ("a", "!"),
            ("a=", "!"),
            ("a=b", "!"),
            ("buy ", " !"),
            ("buy BTC ", "!"),
            ("buy BTC @ ", "x"),
            ("action=buy\nsymbol=", ""),
            ("action=buy\nprice=", ""),
            ("action=buy\nsymbol=BTCUSDT\ntime=", ""),
            ('{"action": "buy", "symbol": "', '"}'),
            ('{"action": "buy", "symbol": "BTCUSDT", "timenow": "', '"}'),
            ('{"action": "buy", "symbol": "BTCUSDT", "price": ', "}"),
            ('{"', '": {"a": 1}}'),
        ):
            room = MOST_BYTES - len(before) - len(after)
            yield f"{name} in {before!r}", before + unit * (room // size) + after
    name = "n" * 30_000
    children = ",".join(f'"{number}": null' for number in range(2_500))
    yield "empty children of a long name", f'{{"{name}": {{{children}}}}}'
    yield "nested names", "".join(f'{{"{"m" * 9_000}": ' for _ in range(6)) + "1" + "}" * 6


def _understand(body: bytes) -> object:
    return understand(body, MEANING, now_ms=NOW)


@pytest.mark.parametrize("read", [secret_of, _understand, parse])
def test_the_worst_body_of_every_form_is_read_in_a_moment(read: Callable[[bytes], object]) -> None:
    """At the size that is still taken; a reader that goes back and forth takes many seconds."""
    slow = {}
    for name, body in bodies():
        began_s = time.process_time()
        with suppress(BadSignal, HTTPException):
            read(body.encode())
        took_s = time.process_time() - began_s
        if took_s > LIMIT_S:
            slow[name] = took_s
    assert not slow
