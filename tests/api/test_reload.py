"""A file that is wrong in any way leaves the daemon trading on the one it has."""

import random
import signal
from pathlib import Path

import pytest

from signalbot.config.daemon_config import load_for_daemon
from signalbot.domain.errors import ConfigError
from tests.api.api_daemon import BTC, Daemon, daemon

MUTATIONS = 200


@pytest.mark.process
@pytest.mark.timeout(240)
def test_two_hundred_mutated_files_change_nothing(tmp_path: Path) -> None:
    """Cut, doubled, misspelt, swapped: each is refused, or says the same as before."""
    with daemon(tmp_path) as running:
        assert running.process is not None
        text = running.config.read_text()
        before = _state(running)
        for seed in range(MUTATIONS):
            running.config.write_bytes(_mutated(text, running.config, seed))
            seen = running.log.count("config.reloading")
            running.process.send_signal(signal.SIGHUP)
            running.until(lambda seen=seen: running.log.count("config.reloading") > seen, "read")  # type: ignore[misc]
        running.config.write_text(text)
        refused = running.log.count("config.reload_failed")
        running.until(lambda: running.log.count("config.reload_failed") >= refused, "settled")
        assert _state(running) == before
        assert running.log.count("config.changed") == 0
        assert running.log.count("config.reload_failed") > MUTATIONS * 0.9
        running.command("send", "trend", BTC, "LONG")
        running.until(lambda: len(running.rows("SELECT * FROM positions")) == 2, "it trades on")


def _mutated(text: str, path: Path, seed: int) -> bytes:
    """The file with something wrong in it; what would be a valid change is mutated again."""
    dice = random.Random(seed)
    body = text.encode()
    probe = path.with_name("probe.toml")
    while True:
        at, length = dice.randrange(len(body)), dice.randrange(1, 40)
        match dice.randrange(5):
            case 0:
                body = body[:at]
            case 1:
                body = body[:at] + body[at : at + length] * 2 + body[at + length :]
            case 2:
                body = body[:at] + bytes([dice.randrange(256)]) + body[at + 1 :]
            case 3:
                body = body[:at] + body[at + length :]
            case _:
                lines = body.split(b"\n")
                dice.shuffle(lines)
                body = b"\n".join(lines)
        probe.write_bytes(body)
        try:
            load_for_daemon(probe, {})
        except ConfigError:
            return body
        body = text.encode()


def _state(running: Daemon) -> list[object]:
    tables = ("users", "strategies", "subscriptions")
    return [running.rows(f"SELECT * FROM {table}") for table in tables]
