"""Candle files as vendors, exchanges and spreadsheets write them, read without being prepared.

A file goes through ``container`` (what is packed inside), a table of text cells (``text_table``,
``json_table``, ``arrow_table``), ``columns`` or ``positions`` (which column is which),
``selection`` (whose rows they are), ``times`` and ``quantities`` (what the cells mean),
``placing`` (when a candle opens) and ``merging`` (which candles they make). What cannot be decided
for certain is refused with line, value and the option that decides it; nothing is guessed about
money.
"""

from signalbot.replay.candle_files.candle_series import CandleFile
from signalbot.replay.candle_files.options import ReadOptions, read_options
from signalbot.replay.candle_files.reader import read_candles
from signalbot.replay.candle_files.row_errors import BadRow, RowFault

__all__ = ["BadRow", "CandleFile", "ReadOptions", "RowFault", "read_candles", "read_options"]
