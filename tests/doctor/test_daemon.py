"""The doctor's findings for a daemon that hangs, does not respond or has no address."""

import signal
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from tests.doctor.installation import InstallationFixture
from tests.maintenance.daemon_process import BTC, free_port, wait_for

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


def _well(installation: InstallationFixture) -> dict[str, bool]:
    return {what: installation.is_well(what) for what in ("service", "api", "streams", "trading")}


def test_a_running_daemon_is_in_good_health(running: InstallationFixture) -> None:
    """Every part that can be looked at is well, and the exit code is 0."""
    wait_for(lambda: running.daemon.told("backup.created") == 1, "no backup was made")
    wait_for(lambda: running.daemon.told("api.listening") == 1, "no address")
    assert all(_well(running).values())
    assert {each.level for each in running.findings("disk")} == {"ok"}
    running.daemon.stop()


def test_a_source_of_alerts_has_no_candles_to_be_late_with(
    installation: InstallationFixture,
) -> None:
    """Somebody follows it; the streams of the others are looked at all the same."""
    source = 'kind = "webhook"\nexchange = "sim"\nsymbols = ["BTC/USDT:USDT"]'
    installation.configure(after=f"[strategies.tv]\n{source}\n[users.anna.subscriptions.tv]")
    installation.daemon.start()
    [found] = installation.findings("streams")
    assert found.says == "2 streams are up to date"
    installation.daemon.stop()


def test_a_daemon_that_hangs(running: InstallationFixture) -> None:
    """It has its lock, and answers nothing."""
    process = running.daemon.process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    assert (
        f"process {process.pid} runs and its control socket does not respond"
        in running.problem("service").says
    )
    assert "does not respond" in running.problem("api").says
    process.send_signal(signal.SIGCONT)
    wait_for(lambda: _well(running)["service"], "it did not wake up")
    running.daemon.stop()


@contextmanager
def _another_program(port: int) -> Iterator[None]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"It works!")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Answers)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _move_to(installation: InstallationFixture, port: int) -> None:
    path = installation.folder / "config.toml"
    lines = path.read_text().splitlines()
    path.write_text(
        "\n".join(f'listen = "127.0.0.1:{port}"' if "listen" in line else line for line in lines)
    )


def test_an_address_that_another_program_has(installation: InstallationFixture) -> None:
    """Webhooks would go there; the daemon itself trades on."""
    port = free_port()
    _move_to(installation, port)
    with _another_program(port):
        installation.daemon.start()
        assert "another program uses" in installation.problem("api").says
        assert installation.is_well("service")
        installation.daemon.stop()


def test_an_address_without_a_listener(running: InstallationFixture) -> None:
    """The file has another port than the running daemon."""
    _move_to(running, free_port())
    assert "does not respond" in running.problem("api").says
    running.daemon.stop()


def test_a_stream_that_went_silent(running: InstallationFixture) -> None:
    """The daemon has run for two hours, and the last candle was seen a day ago."""
    import os
    import time

    lock, long_ago = running.daemon.state / "signalbot.lock", time.time() - 7200
    os.utime(lock, (long_ago, long_ago))
    with closing(sqlite3.connect(running.daemon.ledger)) as connection, connection:
        connection.execute("DELETE FROM strategy_runs")
        connection.execute(
            "INSERT INTO strategy_runs (strategy, symbol, timeframe, candle_close_ms,"
            " started_at_ms, duration_ms, drift_ms, outcome, subscribers)"
            " VALUES ('trend', ?, '1h', ?, 0, 0, 0, 'no_signal', 1)",
            (BTC, int((time.time() - 86_400) * 1000)),
        )
    found = [each for each in running.findings("streams") if each.level == "problem"]
    assert [each.says.partition(": it is")[0] for each in found] == [
        f"trend has no 1h candle of {symbol}" for symbol in (BTC, "ETH/USDT:USDT")
    ]
    running.daemon.stop()


def test_a_socket_that_is_left_over_from_a_killed_daemon_is_no_daemon(
    running: InstallationFixture,
) -> None:
    """The lock goes with the process; a file that stays behind deceives nobody."""
    process = running.daemon.process
    assert process is not None
    process.kill()
    process.wait()
    running.daemon.process = None
    assert (running.daemon.state / "control.sock").is_socket()
    assert "no daemon runs" in running.problem("service").says
    with (
        closing(socket.socket(socket.AF_UNIX)) as connection,
        pytest.raises(OSError, match="efused"),
    ):
        connection.connect(str(running.daemon.state / "control.sock"))
