"""``signalbot alert``: the message that systemd sends after the daemon has died."""

import shlex
import subprocess
import sys
from pathlib import Path

from signalbot.cli import COMMANDS
from tests.notifications.http_receiver import receiving

UNITS = Path(__file__).parents[2] / "systemd"
CONFIG = """
[exchanges.sim]
ccxt_id = "simulated"
[strategies.trend]
kind = "ema_cross"
exchange = "sim"
symbols = ["BTC/USDT:USDT"]
timeframe = "1m"
[notify]
operator = [{urls}]
"""


def _signalbot(folder: Path, *arguments: str, stdin: str = "") -> tuple[int, str]:
    ran = subprocess.run(
        [sys.executable, "-m", "signalbot", *arguments, "-c", str(folder / "config.toml")],
        input=stdin, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip
    return ran.returncode, ran.stdout + ran.stderr


def test_the_operator_is_notified_without_a_daemon(tmp_path: Path) -> None:
    """Where the URL stands in the file, and where it is locked up in the vault."""
    with receiving() as receiver:
        subprocess.run([sys.executable, "-m", "signalbot", "init", str(tmp_path)], check=True)
        urls = f'"{receiver.url("plain")}", "secret:ops"'
        (tmp_path / "config.toml").write_text(CONFIG.format(urls=urls))
        stored, said = _signalbot(tmp_path, "secret", "set", "ops", stdin=receiver.url("locked"))
        assert stored == 0, said
        code, said = _signalbot(tmp_path, "alert", "it has died: oom-kill")
        assert (code, said) == (0, "sent to 2 destinations\n")
        assert {(each.path, each.body) for each in receiver.got} == {
            ("/plain", "it has died: oom-kill"),
            ("/locked", "it has died: oom-kill"),
        }


def test_a_failing_destination_does_not_affect_the_others(tmp_path: Path) -> None:
    """The others are told; the exit code and the place in the list say which was not."""
    with receiving() as receiver:
        receiver.refusals["/broken"] = [500] * 9
        urls = f'"{receiver.url("broken")}", "{receiver.url("well")}"'
        (tmp_path / "config.toml").write_text(CONFIG.format(urls=urls))
        code, said = _signalbot(tmp_path, "alert", "hello")
        assert code == 1
        assert "notify.operator[0]" in said
        assert [each.path for each in receiver.got] == ["/well"]


def test_no_destination_is_an_error_that_names_the_setting(tmp_path: Path) -> None:
    """An alert that goes nowhere must not look like one that arrived."""
    (tmp_path / "config.toml").write_text(CONFIG.format(urls=""))
    code, said = _signalbot(tmp_path, "alert", "hello")
    assert code == 78
    assert "notify.operator" in said


def test_the_units_call_what_there_is() -> None:
    """The daemon's unit starts the alert's, and both call commands that exist."""
    commands = []
    for unit in UNITS.glob("*.service"):
        for line in unit.read_text().splitlines():
            if line.startswith("ExecStart="):
                words = shlex.split(line.partition("=")[2])
                assert words[:3] == ["/opt/signalbot/venv/bin/python", "-m", "signalbot"]
                commands.append(words[3])
    assert sorted(commands) == ["alert", "run"]
    assert set(commands) <= COMMANDS.keys()
    assert "signalbot-alert@" in (UNITS / "signalbot.service").read_text()
    assert (UNITS / "signalbot-alert@.service").is_file()
