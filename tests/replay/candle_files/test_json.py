"""Candles are found in JSON wherever they lie, and markets are honored there as well."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.replay.candle_files.forms.writing import objects, rows_of, texts
from tests.replay.candle_files.reading import read, refusal

ROWS = rows_of(60)
LISTS = texts(ROWS)
ETHER = texts(rows_of(60, 9, "2300"))


def test_every_digit_is_kept(tmp_path: Path) -> None:
    """A number of JSON is no binary float here."""
    times = [1_640_995_200_000 + at * 60_000 for at in range(3)]
    rows = ", ".join(f"[{time}, 1, 1.30000000000000004, 1, 1, 1]" for time in times)
    file = read(tmp_path, f"[{rows}]")
    assert str(file.candles[0].high) == "1.30000000000000004"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"result": {"symbol": "ETHUSDT", "list": ETHER}}, "it is of market ETHUSDT"),
        ({"meta": {"symbol": "ETH/USD"}, "values": ETHER}, "it is of market ETH/USD"),
        ({"result": {"XETHZUSD": ETHER, "last": 1}}, "it is of market XETHZUSD"),
        ({"quote_currency": "EUR", "data": LISTS}, "prices are in EUR"),
        ({"a": LISTS, "b": LISTS}, "several tables in this JSON (a, b)"),
        ({"bars": {"ETH/USD": ETHER, "XRP/USD": ETHER}}, "several tables"),
        ({"Note": "come back later"}, "no candles in this JSON"),
        ({"data": []}, "no candles in this JSON"),
        ([], "no candles in this JSON"),
        ([1, 2, 3], "no candles in this JSON"),
    ],
)
def test_what_is_not_the_market_is_refused(tmp_path: Path, document: Any, says: str) -> None:
    """Markets that stand beside the candles or above them count."""
    assert says in refusal(tmp_path, json.dumps(document), "answer.json")


def test_of_several_markets_the_one_asked_for_is_read(tmp_path: Path) -> None:
    """By the key above it."""
    document = {"bars": {"ETH/USD": ETHER, "BTC/USD": LISTS}}
    assert len(read(tmp_path, json.dumps(document)).candles) == len(ROWS)


def test_a_broken_document_is_told_with_its_place(tmp_path: Path) -> None:
    """Line and column, as an editor counts."""
    told = refusal(tmp_path, json.dumps(LISTS)[:-9])
    assert "not JSON: " in told
    assert "line 1 column" in told


def test_a_broken_line_among_many_is_left_out(tmp_path: Path) -> None:
    """The last one of a file that is still being written, for example."""
    rows = objects(ROWS, t="t", o="o", h="h", l="l", c="c", v="v")
    file = read(tmp_path, "\n".join(map(json.dumps, rows)) + '\n{"t": 17356', "x.jsonl")
    assert (len(file.candles), file.dropped) == (len(ROWS), {"not a time": 1})
    assert file.examples[0].line == len(ROWS) + 1


def test_rows_of_a_document_are_counted_as_rows(tmp_path: Path) -> None:
    """There may be one line only."""
    broken = [*LISTS[:5], ["x", "1", "1", "1", "1", "1"], *LISTS[5:]]
    file = read(tmp_path, json.dumps(broken))
    assert (file.unit, [bad.line for bad in file.examples]) == ("row", [6])


@pytest.mark.parametrize(
    "channel",
    [
        {"ch": "market.ethusdt.kline.60min"},
        {"topic": "kline.60.ETHUSDT"},
        {"topic": "/market/candles:ETH-USDT_1hour"},
        {"stream": "ethusdt@kline_1h"},
    ],
)
def test_the_market_in_the_name_of_a_channel_counts(tmp_path: Path, channel: Any) -> None:
    """HTX, Bybit, KuCoin and Binance name it nowhere else."""
    says = refusal(tmp_path, json.dumps({**channel, "data": ETHER}), "answer.json")
    assert "it is of market" in says
    mine = {
        name: value.replace("eth", "btc").replace("ETH", "BTC") for name, value in channel.items()
    }
    assert len(read(tmp_path, json.dumps({**mine, "data": LISTS}), "mine.json").candles) == len(
        ROWS
    )
