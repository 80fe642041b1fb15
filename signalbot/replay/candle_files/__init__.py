"""Reads candle files as exchanges, vendors and spreadsheets write them, without preparation.

A file goes through ``archives`` (unpacking), a table of text cells (``text_table``, ``json_table``,
``arrow_table``), ``columns`` or ``headerless_columns`` (column roles), ``row_selection`` (rows of
the market), ``time_column_parsing`` and ``price_volume_parsing`` (values), ``time_alignment`` (open
of each candle) and ``candle_merging`` (candles). Ambiguous input is rejected with line, value and
the option that resolves it; prices are never guessed.
"""

from signalbot.replay.candle_files.candle_series import CandleFile
from signalbot.replay.candle_files.options import ReadOptions, read_options
from signalbot.replay.candle_files.reader import read_candles
from signalbot.replay.candle_files.row_errors import BadRow, RowFault

__all__ = ["BadRow", "CandleFile", "ReadOptions", "RowFault", "read_candles", "read_options"]
