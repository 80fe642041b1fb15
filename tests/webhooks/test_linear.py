"""Nothing that is sent costs more than in proportion to its length: no form, however it is bent."""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from urllib.parse import urlencode

import pytest
from fastapi import HTTPException

from signalbot.api.middleware import MAX_BODY_BYTES
from signalbot.api.strict_json import parse_object
from signalbot.domain.errors import InvalidSignal
from signalbot.webhooks.alert import AlertRules
from signalbot.webhooks.parser import parse_alert, secret_of
from tests.domain.samples import NOW
from tests.linear_cost import grows_too_fast
from tests.webhooks.expected import CASES

MEANING = AlertRules(symbols=("BTC/USDT:USDT", "ETH/USDT:USDT"), actions=frozenset())
UNITS = (
    " ", "\t", "\n", "a", "a ", "a=", "a=b;", "a=b\n", "a:b,", "x y=", ":", ",", ";", ".", "-", "/",
    "9", "9.", '"', "\\", "{", "{{", "}", "[", "(", "@", "%", "%41", "&a=1", "PERP", "USDT", "sl ",
    "order ", "tp1 1\n", "buy ", "\N{NO-BREAK SPACE}", "\N{LATIN SMALL LETTER SHARP S}",
)  # fmt: skip
FORMS = (
    "buy BTCUSDT|!",
    "buy BTCUSDT @ 60000 sl=59000 tp=|62000",
    "close BTCUSDT |50%",
    "123456789,buy,|BTCUSDT,sl=59000",
    "order buy @ |1 filled on |BTCUSDT. New strategy position is |1",
    "ENTER-LONG_|Binance_BTCUSDT_my-bot",
    "main(|BTCUSDT) { market(|side=buy, amount=1); |stopOrder(offset=2%); }|",
    "#BTC/USDT |LONG\nEntry: |60000\nTargets:\n1) |61000 |50%\nStop: 59000|",
    "Buy BTC/USDT\nTrailing |configuration: |none",
    "action=buy\n|symbol=|BTCUSDT\nprice=|60000",
    "action: buy; |symbol: BTCUSDT|",
    "action=buy|&symbol=BTCUSDT&time|=1&stop_loss=|2%25",
    "action=buy symbol=|BTCUSDT |sl=2%",
    '{"action": "buy", "symbol": |"BTCUSDT", "price": |1|}',
    '{"action": "buy", "|": {"a|": 1}}',
    '{"action": "buy", "timenow": "2026-11-21T06:50:00|.1|UTC"}',
    '{"action": "buy", "time": "x|y"}',
    '{"action": "buy", "take_profit": "61000| - 62000"}',
    '{"action": "buy", "order": "{\\"a|\\": \\"b|\\"}"}',
    '{"action": "buy", "code": "ENTER-LONG_|BTCUSDT"}',
    '{"alerts": [{"action": "buy"|}]|}',
    "{{strategy.order.|action}} {{ticker|}}",
    '"buy BTCUSDT|"',
)
"""Every form of an alert; where it is stretched."""

Body = Callable[[int], bytes]


def stretched() -> Iterator[tuple[str, Body]]:
    """Every form, and what real senders post, with one place stretched to a size in bytes."""
    for form in FORMS:
        parts = form.split("|")
        for place in range(1, len(parts)):
            for unit in UNITS:
                yield form, _body("".join(parts[:place]), unit, "".join(parts[place:]))
    sent = [body for case in CASES for body in case.get("bodies", [case.get("body")])]
    sent = [body for body in sent if isinstance(body, (str, dict))]
    for number, body in enumerate(sent):
        text = body if isinstance(body, str) else json.dumps(body)
        forms = [text] if isinstance(body, str) else [text, urlencode(body)]
        for form in forms:
            unit, place = UNITS[number % len(UNITS)], len(form) * (number % 7) // 7
            yield form, _body(form[:place], unit, form[place:])


def repeated() -> Iterator[tuple[str, Body]]:
    """What a body may have many of."""
    for unit in UNITS:
        yield unit, _body("", unit, "")
    yield "names", lambda size: _object({f"name {n}": n for n in range(size // 16)})
    yield "one list", lambda size: _object({"a": list(range(size // 8))})
    yield (
        "empty children",
        lambda size: _object({"n" * (size // 2): {str(n): None for n in range(size // 24)}}),
    )
    yield "long names", lambda size: b"".join(
        b'{"%s": ' % (b"m" * (size // 7)) for _ in range(6)
    ) + b"1" + b"}" * 6  # fmt: skip
    yield "levels", lambda size: _object({f"tp{n}": "1%" for n in range(size // 14)})
    yield "objects in texts", lambda size: _object({f"a{n}": '{"b": 1}' for n in range(size // 24)})


def _object(value: dict[str, object]) -> bytes:
    return json.dumps(value).encode()


def _body(before: str, unit: str, after: str) -> Body:
    def make(size: int) -> bytes:
        room = size - len(before.encode()) - len(after.encode())
        return (before + unit * (room // len(unit.encode())) + after).encode()

    return make


def _understand(body: bytes) -> object:
    return parse_alert(body, MEANING, now_ms=NOW)


def _slow(read: Callable[[bytes], object], bodies: Iterator[tuple[str, Body]]) -> dict[str, float]:
    slow = {}
    for name, make in bodies:

        def attempt(size: int, make: Body = make) -> None:
            with suppress(InvalidSignal, HTTPException):
                read(make(size))

        growth = grows_too_fast(attempt, length=MAX_BODY_BYTES)
        if growth is not None:
            slow[f"{name} {make(60)!r}"] = growth
    return slow


@pytest.mark.parametrize("bodies", [stretched, repeated])
@pytest.mark.parametrize("read", [secret_of, _understand, parse_object])
def test_the_worst_body_of_every_form_is_read_in_proportion_to_its_length(
    read: Callable[[bytes], object], bodies: Callable[[], Iterator[tuple[str, Body]]]
) -> None:
    """Up to the size that is still taken; a reader that goes back and forth shows by its growth."""
    assert not _slow(read, bodies())


def test_a_reader_that_goes_back_and_forth_is_found() -> None:
    """One that looks at the rest of the body again for every byte."""

    def read(body: bytes) -> object:
        return [body[place:].count(b"\0") for place in range(0, len(body), 8)]

    assert _slow(read, iter([("spaces", _body("", " ", ""))]))


@pytest.mark.parametrize(
    "body", [json.dumps({f"a{n}": 1 for n in range(201)}), "&".join(["a=1"] * 201)]
)
def test_an_alert_has_so_many_fields(body: str) -> None:
    """As JSON and as a form; one with more is refused, not a failure of ours."""
    with pytest.raises(InvalidSignal, match="more than 200 fields"):
        parse_alert(body.encode(), MEANING, now_ms=NOW)
