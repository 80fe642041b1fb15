"""Archives and compressions are opened, and what cannot be is told."""

import bz2
import gzip
import io
import lzma
import tarfile
from pathlib import Path

import pytest

from signalbot.replay.candle_files import read_candles
from tests.replay.candle_files.forms.writing import lines, rows_of, zipped
from tests.replay.candle_files.reading import BTC, read, refusal

ROWS = rows_of(60)
TEXT = lines("", ROWS)
ETHER = lines("", rows_of(60, 9, "2300"))


def tarred(text: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        info = tarfile.TarInfo("data/btc.csv")
        info.size = len(text.encode())
        archive.addfile(info, io.BytesIO(text.encode()))
    return out.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(TEXT.encode()),
        bz2.compress(TEXT.encode()),
        lzma.compress(TEXT.encode()),
        zipped({"btc.csv": TEXT}),
        zipped({"in/a/folder/btc.csv": TEXT, "in/a/.hidden": "x", "btc.csv.md5": "x"}),
        gzip.compress(zipped({"btc.csv": TEXT})),
        tarred(TEXT),
    ],
)
def test_a_file_is_unpacked(tmp_path: Path, content: bytes) -> None:
    """By what it is, not by its name."""
    assert len(read(tmp_path, content, "candles").candles) == len(ROWS)


def test_only_the_files_of_the_market_are_read(tmp_path: Path) -> None:
    """By names as exchanges give them; how many others there were is told."""
    members = {"XBTUSD_1.csv": TEXT, "ETHUSD_1.csv": ETHER, "XBTEUR_1.csv": ETHER}
    file = read(tmp_path, zipped(members), "kraken.zip")
    assert len(file.candles) == len(ROWS)
    assert "files of other markets skipped: 2" in file.notes


def test_an_archive_without_the_market_is_refused(tmp_path: Path) -> None:
    """What it has is named."""
    told = refusal(tmp_path, zipped({"ETHUSD_1.csv": ETHER, "XRPUSD_1.csv": ETHER}), "kraken.zip")
    assert "it contains ETHUSD, XRPUSD; none is BTC/USDT:USDT (--symbol)" in told


def test_an_archive_of_several_lengths_is_refused(tmp_path: Path) -> None:
    """Minutes and hours are no series."""
    told = refusal(tmp_path, zipped({"XBTUSD_1.csv": TEXT, "XBTUSD_60.csv": TEXT}), "kraken.zip")
    assert "several timeframes (1 minutes, 60 minutes)" in told


@pytest.mark.parametrize("name", ["ETHUSDT-1m-2025-01.csv", "ETHUSDT_1_2025-01-01.csv"])
def test_a_file_that_is_named_after_another_market_is_refused(tmp_path: Path, name: str) -> None:
    """As the wrong one was picked from the folder of downloads."""
    assert "the name says ETHUSDT, but --symbol is BTC/USDT:USDT" in refusal(tmp_path, TEXT, name)


@pytest.mark.parametrize(
    "name",
    [
        "BINANCE_ETHUSDT.P, 60.csv",
        "BINANCE_ETHUSDT, 1D_a1b2c.csv",
        "COINBASE_SOLUSD, 60_a1b2c.csv",
        "BITSTAMP_ETHUSD, 240 (1).csv",
        "eth.csv",
        "ETH-1h.csv",
        "coin_Ethereum.csv",
    ],
)
def test_a_file_is_not_read_for_another_market_however_its_name_tells(
    tmp_path: Path, name: str
) -> None:
    """Charts of TradingView, and files called after a coin alone."""
    assert "name says" in refusal(tmp_path, TEXT, name)


@pytest.mark.parametrize(
    "name",
    [
        "BTCUSDT-1m-2025-01.csv",
        "eth vs btc.csv",
        "data.csv",
        "Binance_BTCUSDT_1h.csv",
        "1m.csv",
        "BINANCE_BTCUSDT.P, 60.csv",
        "COINBASE_BTCUSD, 1D_a1b2c.csv",
        "BINANCE_BTCUSDT_1h.csv",
        "BTC-1h.csv",
        "coin_Bitcoin.csv",
        "usd.csv",
        "ETH-analysis.csv",
    ],
)
def test_a_name_that_says_nothing_else_is_no_reason_to_refuse(tmp_path: Path, name: str) -> None:
    """People call their files as they like."""
    assert len(read(tmp_path, TEXT, name).candles) == len(ROWS)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"PK\x03\x04 and then nothing", "damaged, or incompletely downloaded"),
        (gzip.compress(TEXT.encode())[:-20], "damaged, or incompletely downloaded"),
        (zipped({"btc.csv": TEXT})[:-30], "damaged, or incompletely downloaded"),
        (zipped({"xl/workbook.xml": "", "docProps/app.xml": ""}), "an Excel workbook"),
        (zipped({}), "it contains no candle file"),
        (zipped({".DS_Store": "x"}), "it contains no candle file"),
        (b"\x28\xb5\x2f\xfd....", "Zstandard"),
        (b"SQLite format 3\x00....", "an SQLite database"),
        (b"<!DOCTYPE html><html></html>", "this is a web page, not candles"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b"\x00\x01\x02\x03 binary \x00", "not a text file"),
    ],
)
def test_what_cannot_be_read_is_told_by_what_it_is(
    tmp_path: Path, content: bytes, says: str
) -> None:
    """With the way out where there is one."""
    assert says in refusal(tmp_path, content, "candles.csv")


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    """It has no candles."""
    folder = tmp_path / "none"
    folder.mkdir()
    with pytest.raises(Exception, match="it contains no candle file"):
        read_candles(folder, BTC)


def test_a_column_of_markets_counts_for_more_than_the_name_of_a_coin(tmp_path: Path) -> None:
    """A file called after one coin may hold others."""
    assert "name says" in refusal(tmp_path, TEXT, "eth.csv")
    text = "".join(f"BTCUSDT,{line}\n" for line in TEXT.splitlines())
    assert len(read(tmp_path, text, "eth.csv").candles) == len(ROWS)
