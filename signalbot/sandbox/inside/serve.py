"""The life of a worker: learn what to run, give up all rights, then answer until told no more."""

import faulthandler
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, NoReturn

import numpy as np

from signalbot.domain.timeframe import Ms
from signalbot.sandbox.frames import HEADER, pack
from signalbot.sandbox.inside.author import Author, load, report
from signalbot.sandbox.inside.confine import confine
from signalbot.strategies.base import CandleTable
from signalbot.strategies.params import BadParameter
from signalbot.strategy import Candles

_ROWS = 5
_FLOAT_BYTES = 8


def serve(requests: int, answers: int, *, folder: int, missing: Mapping[str, str]) -> NoReturn:
    """Answer every frame that comes on the pipe ``requests`` by one on ``answers``.

    ``folder`` is open and may be read by the strategy; ``missing`` is what could not be had before.
    """
    faulthandler.enable()
    hello, source = _read(requests)
    missing = {**missing, **confine(folder=folder, memory_bytes=hello["memory_bytes"])}
    author: Author | None = None
    try:
        author = load(source.decode(), hello)
        _write(answers, {"missing": missing, **author.description})
    except BadParameter as e:
        _write(answers, {"missing": missing, "parameter": e.name, "error": str(e)})
    except BaseException as e:  # noqa: BLE001 - whatever somebody else's code raises
        _write(answers, {"missing": missing, "error": report(e, hello["path"])})
    while True:
        head, blob = _read(requests)
        if author is not None:
            _write(answers, {"number": head["number"], **_answer(author, head, blob)})


def _answer(author: Author, head: Mapping[str, Any], blob: bytes) -> dict[str, Any]:
    try:
        idea = author.on_candle(_candles(author.timeframe, head, blob))
        return {"idea": None if idea is None else asdict(idea)}
    except BaseException as e:  # noqa: BLE001 - whatever somebody else's code raises
        return {"error": report(e, author.path)}


def _candles(main: str, head: Mapping[str, Any], blob: bytes) -> Candles:
    tables: dict[str, CandleTable] = {}
    start = 0
    for timeframe, length, close_ms in head["tables"]:
        rows = np.frombuffer(blob, np.float64, length * _ROWS, start).reshape(_ROWS, length)
        tables[timeframe] = CandleTable.of(Ms(close_ms), rows)
        start += length * _ROWS * _FLOAT_BYTES
    return Candles(head["symbol"], main, tables)


def _read(pipe: int) -> tuple[dict[str, Any], bytes]:
    text_size, blob_size = HEADER.unpack(_take(pipe, HEADER.size))
    return json.loads(_take(pipe, text_size)), _take(pipe, blob_size)


def _take(pipe: int, size: int) -> bytes:
    parts = []
    while size:
        part = os.read(pipe, size)
        if not part:
            os._exit(0)  # the daemon has closed its end, or is no more
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _write(pipe: int, head: Mapping[str, Any]) -> None:
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    rest = memoryview(pack(head))
    while rest:
        rest = rest[os.write(pipe, rest) :]
