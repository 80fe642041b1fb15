"""The search for canaries finds them, wherever and however they have leaked."""

import gzip
import json
import sqlite3
import subprocess
import sys
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

import signalbot
from tests.planted_secrets import MARK, forms, leaks

SECRET = f"{MARK}/pass word+\"{{}}'ä"
ENCODED: dict[str, Callable[[str], str]] = {
    "raw": str,
    "quoted": lambda text: quote(text, safe=""),
    "json": json.dumps,
    "hexadecimal": lambda text: text.encode().hex(),
    "basic": lambda text: f"Basic {b64encode(f'user:{text}'.encode()).decode()}",
    "urlsafe": lambda text: urlsafe_b64encode(f"x{text}y".encode()).decode(),
}


@pytest.mark.parametrize("how", ENCODED)
def test_a_leak_in_a_log_line_is_found(tmp_path: Path, how: str) -> None:
    """In every encoding that a library might put it into."""
    log = tmp_path / "state" / "log.txt"
    log.parent.mkdir()
    log.write_text(f'{{"event": "x", "why": "{ENCODED[how](SECRET)}"}}\n')
    assert list(leaks(tmp_path, [SECRET]))


def test_a_leak_in_a_ledger_is_found_before_and_after_its_checkpoint(tmp_path: Path) -> None:
    """In the write-ahead log, and in the file."""
    with closing(sqlite3.connect(tmp_path / "signalbot.db", isolation_level=None)) as ledger:
        ledger.execute("PRAGMA journal_mode = WAL")
        ledger.execute("CREATE TABLE t (text TEXT)")
        assert not list(leaks(tmp_path))
        ledger.execute("INSERT INTO t VALUES (?)", (f"error: {SECRET}",))
        assert any("signalbot.db-wal" in each for each in leaks(tmp_path))
    assert any("signalbot.db," in each for each in leaks(tmp_path))


def test_a_leak_in_a_compressed_archive_is_found(tmp_path: Path) -> None:
    """It is opened before it is looked at."""
    (tmp_path / "2026-01.jsonl.gz").write_bytes(gzip.compress(SECRET.encode()))
    assert list(leaks(tmp_path))


def test_a_secret_without_the_mark_is_found_where_it_was_planted(tmp_path: Path) -> None:
    """A token created by the daemon; the finding does not repeat its text."""
    (tmp_path / "log.txt").write_text("GET /hooks/tv/sb_4711abcdef 404\n")
    assert not list(leaks(tmp_path))
    [found] = leaks(tmp_path, ["sb_4711abcdef"])
    assert "4711" not in found


def test_what_the_test_has_written_is_no_leak(tmp_path: Path) -> None:
    """A configuration that names a URL, and the master key beside it."""
    for name in ("config.toml", "master.key"):
        (tmp_path / name).write_text(SECRET)
    assert not list(leaks(tmp_path))


@given(
    before=st.binary(max_size=8), secret=st.text("abcXYZ019/+=ä ", min_size=6), after=st.binary()
)
def test_base64_does_not_hide_it_in_any_context(before: bytes, secret: str, after: bytes) -> None:
    """Whichever of the three ways its bytes fall into groups of six bits."""
    for encode in (b64encode, urlsafe_b64encode):
        text = encode(before + secret.encode() + after)
        assert any(form in text for form in forms(secret))


def test_a_session_fails_if_its_daemon_has_leaked(tmp_path: Path) -> None:
    """Also if every test of it has passed."""
    top = str(Path(signalbot.__file__).parents[1])
    (tmp_path / "conftest.py").write_text(
        "from tests.planted_secrets import no_secret_leaks\n__all__ = ['no_secret_leaks']\n"
    )
    (tmp_path / "test_it.py").write_text(
        "import os\n"
        "from tests.planted_secrets import MARK, watch\n"
        "def test_it(tmp_path):\n"
        "    watch(tmp_path)\n"
        "    (tmp_path / 'log').write_text(MARK * int(os.environ['LEAKS']))\n"
    )
    for leaking in (0, 1):
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", "/dev/null",
             "--rootdir", str(tmp_path), "--basetemp", str(tmp_path / "base"), str(tmp_path)],
            env={"PATH": "", "PYTHONPATH": top, "LEAKS": str(leaking)},
            capture_output=True, text=True, check=False, timeout=50,
        )  # fmt: skip
        assert done.returncode == leaking, done.stdout + done.stderr
        assert ("byte 0: canary" in done.stdout) is bool(leaking)
