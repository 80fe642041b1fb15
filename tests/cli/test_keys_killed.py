"""Every command that touches keys is killed at every step it has; nothing is ever lost."""

import json
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command_line import CommandLine
from tests.cli.test_keys import CANARY, CONFIG, give, keys

pytestmark = [pytest.mark.process, pytest.mark.timeout(120)]


@pytest.fixture
def desk(tmp_path: Path) -> CommandLine:
    """A vault with the keys of two users and a secret."""
    shell = CommandLine(tmp_path)
    assert shell.ask("init").code == 0
    (tmp_path / "config.toml").write_text(CONFIG)
    for name in ("alice", "bob"):
        assert give(shell, keys(), "keys", "set", name)[0] == 0
    assert give(shell, CANARY, "secret", "set", "telegram")[0] == 0
    return shell


def killed_at_every_step(
    desk: CommandLine, step: Callable[[], None], *arguments: str, stdin: str = ""
) -> int:
    """Run a command, killed at its first step, then at its second, until it ends by itself.

    ``step()`` is called after each death; how many there were.
    """
    for number in range(1, 60):
        said = desk.run(*arguments, stdin=stdin, SIGNALBOT_CRASH_AT=f"*:{number}")
        if said.code == 0:
            step()
            return number - 1
        assert said.code == -signal.SIGKILL, said.out + said.err
        step()
    raise AssertionError("it never ends")


def _findings(desk: CommandLine) -> list[dict[str, str]]:
    found: list[dict[str, str]] = desk.ask("doctor", "--json").json["findings"]
    return found


def _values(desk: CommandLine) -> list[tuple[str, list[str]]]:
    listed = desk.ask("keys", "list", "--json")
    assert listed.code == 0, listed.err
    return [(row["user"], row["fields"]) for row in listed.json]


def test_a_rotation_that_is_killed_at_every_step_and_run_again_keeps_everything(
    desk: CommandLine,
) -> None:
    """After every death the vault opens as it is, and after the next run, too."""
    before = _values(desk)

    def step() -> None:
        assert _values(desk) == before
        vault = [row["says"] for row in _findings(desk) if row["what"] == "vault"]
        assert vault
        assert all("does not decrypt" not in says for says in vault)

    deaths = killed_at_every_step(desk, step, "keys", "rotate")
    assert deaths >= 8
    assert desk.ask("keys", "rotate").code == 0
    assert _values(desk) == before
    assert not list(desk.folder.glob("master.key.next"))


def test_keys_that_are_stored_are_all_there_or_none(desk: CommandLine) -> None:
    """An import of many, killed between any two of them."""
    before = desk.ask("keys", "list", "--json").json
    line = json.dumps({"apiKey": "a", "secret": "b", "password": "c"})
    lines = [json.dumps({"user": name, **json.loads(line)}) for name in ("alice", "bob")]

    def step() -> None:
        fields = {len(row["fields"]) for row in desk.ask("keys", "list", "--json").json}
        assert fields in ({2}, {3})

    assert killed_at_every_step(desk, step, "keys", "import", stdin="\n".join(lines)) >= 6
    assert [len(row["fields"]) for row in desk.ask("keys", "list", "--json").json] == [3, 3]
    assert before != desk.ask("keys", "list", "--json").json


def test_a_doctor_tells_which_file_opens_a_vault_that_the_key_does_not(desk: CommandLine) -> None:
    """By name, as the error of every command does."""
    key = desk.folder / "master.key"
    old = key.read_bytes()
    assert desk.ask("keys", "rotate").code == 0
    new = key.read_bytes()
    (desk.folder / "master.key.bak").unlink()
    key.rename(desk.folder / "master.key.bak")
    key.write_bytes(old)
    key.chmod(0o600)
    refused = desk.ask("keys", "list")
    assert refused.code == 78
    assert "master.key.bak is" in refused.err
    rows = _findings(desk)
    assert any("master.key.bak is" in row["says"] for row in rows)
    (desk.folder / "master.key.next").write_bytes(new)
    (desk.folder / "master.key.next").chmod(0o600)
    assert desk.ask("keys", "list").code == 0
    rows = _findings(desk)
    assert any("rotation" in row["says"] and "keys rotate" in row["cure"] for row in rows)
