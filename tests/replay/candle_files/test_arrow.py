"""Parquet and Feather are read where pyarrow is installed, and say so where it is not."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import feather, parquet

from signalbot.replay.candle_files import CandleFile, read_candles
from tests.replay.candle_files.forms.writing import rows_of
from tests.replay.candle_files.reading import BTC

ROWS = rows_of(60)
EXPECTED = [(row.t * 1000, row.o, row.c) for row in ROWS]


def columns(time: pa.Array, prices: pa.DataType) -> dict[str, pa.Array]:
    values = {
        name: pa.array([float(getattr(row, key)) for row in ROWS], prices)
        for name, key in (("open", "o"), ("high", "h"), ("low", "l"), ("close", "c"))
    }
    return {"date": time, **values, "volume": pa.array([float(row.v) for row in ROWS])}


def found(file: CandleFile) -> list[tuple[object, ...]]:
    return [(each.open_ms, each.open, each.close) for each in file.candles]


@pytest.mark.parametrize(
    "time",
    [
        pa.array([row.t * 1000 for row in ROWS], pa.timestamp("ms", tz="UTC")),
        pa.array([row.t * 10**9 for row in ROWS], pa.timestamp("ns")),
        pa.array([row.t for row in ROWS], pa.timestamp("s", tz="Asia/Shanghai")),
        pa.array([row.t * 1000 for row in ROWS], pa.int64()),
    ],
    ids=["ms UTC", "ns without a zone", "s of a zone", "integers"],
)
def test_parquet_is_read(tmp_path: Path, time: pa.Array) -> None:
    """Whatever the type of its times."""
    parquet.write_table(pa.table(columns(time, pa.float64())), tmp_path / "x.parquet")
    assert found(read_candles(tmp_path / "x.parquet", BTC)) == EXPECTED


def test_feather_is_read(tmp_path: Path) -> None:
    """As freqtrade keeps candles; prices of single precision mean what they print."""
    time = pa.array([row.t * 1000 for row in ROWS], pa.timestamp("ms", tz="UTC"))
    table = pa.table(columns(time, pa.float32()))
    feather.write_feather(table, str(tmp_path / "x.feather"))
    assert found(read_candles(tmp_path / "x.feather", BTC)) == EXPECTED


def test_an_index_and_categories_of_pandas_are_read(tmp_path: Path) -> None:
    """The index has no name of its own; markets are kept as a dictionary."""
    time = pa.array([row.t * 10**9 for row in ROWS], pa.timestamp("ns"))
    given = columns(time, pa.float64())
    table = pa.table(
        {
            "symbol": pa.array(["BTCUSDT"] * len(ROWS)).dictionary_encode(),
            **{name: column for name, column in given.items() if name != "date"},
            "__index_level_0__": given["date"],
        }
    )
    parquet.write_table(table, tmp_path / "x.parquet")
    assert found(read_candles(tmp_path / "x.parquet", BTC)) == EXPECTED


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    """Half a download, for example."""
    (tmp_path / "x.parquet").write_bytes(b"PAR1 and then nothing")
    with pytest.raises(Exception, match="damaged, or incompletely downloaded"):
        read_candles(tmp_path / "x.parquet", BTC)


def test_without_pyarrow_it_is_told_what_to_install(tmp_path: Path) -> None:
    """Everything else works without it."""
    (tmp_path / "x.parquet").write_bytes(b"PAR1")
    (tmp_path / "x.csv").write_text("\n".join(",".join(map(str, row)) for row in ROWS))
    program = (
        "import sys; sys.modules['pyarrow'] = None\n"
        "from pathlib import Path\n"
        "from signalbot.replay.candle_files import read_candles\n"
        f"print(len(read_candles(Path('x.csv'), {BTC!r}).candles))\n"
        f"read_candles(Path('x.parquet'), {BTC!r})\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.stdout.strip() == str(len(ROWS))
    assert "Parquet and Feather need pyarrow: pip install 'signalbot[parquet]'" in ran.stderr
