"""Names of every file and folder in the state directory, ``[daemon] state_dir``."""

from typing import Final

LEDGER_NAME: Final = "signalbot.db"
"""The SQLite ledger; beside it SQLite keeps a write-ahead log and shared memory."""

LOCK_NAME: Final = "signalbot.lock"
"""Locked by the running daemon, whose process id it holds."""

SOCKET_NAME: Final = "control.sock"
"""The Unix socket of the command line: HTTP as administrator."""

MARKER_NAME: Final = "signalbot.seen"
"""Identity and progress of the last ledger used here, to recognize an older copy."""

RESERVE_NAME: Final = "reserve"
"""Space that is freed when the disk is full, so that exits can still be recorded."""

ARCHIVE_FOLDER_NAME: Final = "archive"
"""Rows that were moved out of the ledger, one file a month."""

CANDLE_FOLDER_NAME: Final = "candles"
"""Downloaded candles of ``replay``, one folder per exchange."""

PRIVATE_NAMES: Final = (LEDGER_NAME, f"{LEDGER_NAME}-wal", MARKER_NAME, SOCKET_NAME)
"""Files that only the daemon's user may read."""
