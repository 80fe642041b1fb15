"""The main loop of a worker: reads the strategy, confines itself, then serves requests."""

import faulthandler
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NoReturn

import numpy as np

from signalbot.domain.timeframe import Ms
from signalbot.sandbox.inside.confine import confine
from signalbot.sandbox.inside.strategy_host import StrategyHost, error_report, load_strategy
from signalbot.sandbox.protocol import HEADER, pack_frame
from signalbot.strategies.base import CandleTable
from signalbot.strategies.params import BadParameter
from signalbot.strategy import Candles

_ROWS = 5
_FLOAT_BYTES = 8


def serve(requests: int, responses: int, *, folder: int, missing: Mapping[str, str]) -> NoReturn:
    """Respond to every frame on the pipe ``requests`` with one on ``responses``.

    ``folder`` is an open descriptor the strategy may read; ``missing`` are features found missing
    so far.
    """
    faulthandler.enable()
    hello, source = _read(requests)
    missing = {**missing, **confine(folder=folder, memory_bytes=hello["memory_bytes"])}
    host: StrategyHost | None = None
    try:
        host = load_strategy(source.decode(), hello)
        _write(responses, {"missing": missing, **host.description})
    except BadParameter as e:
        _write(responses, {"missing": missing, "parameter": e.name, "error": str(e)})
    except BaseException as e:  # noqa: BLE001 - the strategy may raise anything
        _write(responses, {"missing": missing, "error": error_report(e, hello["path"])})
    while True:
        head, blob = _read(requests)
        if host is not None:
            _write(responses, {"number": head["number"], **_respond(host, head, blob)})


def _respond(host: StrategyHost, head: Mapping[str, Any], blob: bytes) -> dict[str, Any]:
    try:
        proposal = host.on_candle(_candles(host.timeframe, head, blob))
        return {"idea": None if proposal is None else asdict(proposal)}
    except BaseException as e:  # noqa: BLE001 - the strategy may raise anything
        return {"error": error_report(e, host.path)}


def _candles(main: str, head: Mapping[str, Any], blob: bytes) -> Candles:
    tables: dict[str, CandleTable] = {}
    start = 0
    for timeframe, length, close_ms in head["tables"]:
        rows = np.frombuffer(blob, np.float64, length * _ROWS, start).reshape(_ROWS, length)
        tables[timeframe] = CandleTable.of(Ms(close_ms), rows)
        start += length * _ROWS * _FLOAT_BYTES
    return Candles(head["symbol"], main, tables)


def _read(pipe: int) -> tuple[dict[str, Any], bytes]:
    text_size, blob_size = HEADER.unpack(_read_exactly(pipe, HEADER.size))
    return json.loads(_read_exactly(pipe, text_size)), _read_exactly(pipe, blob_size)


def _read_exactly(pipe: int, size: int) -> bytes:
    parts = []
    while size:
        part = os.read(pipe, size)
        if not part:
            os._exit(0)  # the daemon closed its end, or has ended
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _write(pipe: int, head: Mapping[str, Any]) -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    rest = memoryview(pack_frame(head))
    while rest:
        rest = rest[os.write(pipe, rest) :]
