"""Keys and secrets go into the vault from the command line, and never come out of it."""

import json
from pathlib import Path

import pytest

from tests.cli.command_line import CommandLine

CANARY = "canary-9c1e-secret"
CONFIG = """
[daemon]
state_dir = "state"
[exchanges.binance]
ccxt_id = "binanceusdm"
[exchanges.sim]
ccxt_id = "simulated"
[users.alice]
mode = "live"
account = { exchange = "binance" }
[users.bob]
mode = "live"
account = { exchange = "binance" }
"""


@pytest.fixture
def desk(tmp_path: Path) -> CommandLine:
    """A folder with a configuration and a master key."""
    shell = CommandLine(tmp_path)
    assert shell.ask("init").code == 0
    (tmp_path / "config.toml").write_text(CONFIG)
    return shell


def give(desk: CommandLine, text: str, *arguments: str) -> tuple[int, str]:
    """Run a command with ``text`` on its standard input; its exit code, and all it printed."""
    said = desk.run(*arguments, stdin=text)
    return said.code, said.out + said.err


def keys(**more: str) -> str:
    return json.dumps({"apiKey": f"{CANARY}-key", "secret": CANARY, **more})


def test_keys_are_stored_listed_and_deleted(desk: CommandLine) -> None:
    """Whose they are is told, what they are is not."""
    code, said = give(desk, keys(), "keys", "set", "alice")
    assert code == 0, said
    assert CANARY not in said
    listed = desk.ask("keys", "list", "--json")
    (row,) = listed.json
    assert (row["user"], row["exchange"], row["fields"]) == (
        "alice",
        "binance",
        ["apiKey", "secret"],
    )
    assert CANARY not in listed.out
    assert desk.ask("keys", "delete", "alice").code == 0
    assert desk.ask("keys", "list", "--json").json == []
    assert desk.ask("keys", "delete", "alice").code == 4


def test_the_ledger_alone_tells_nothing(desk: CommandLine) -> None:
    """No byte of a key is on the disk in the clear."""
    give(desk, keys(), "keys", "set", "alice")
    give(desk, CANARY, "secret", "set", "telegram")
    for file in (desk.folder / "state").iterdir():
        assert CANARY.encode() not in file.read_bytes(), file.name


def test_an_import_is_all_or_nothing(desk: CommandLine) -> None:
    """One wrong line, and no account has changed."""
    good = json.dumps({"user": "alice", "apiKey": "a", "secret": "b"})
    bad = json.dumps({"user": "alicia", "apiKey": CANARY, "secret": CANARY})
    code, said = give(desk, f"{good}\n{bad}\n", "keys", "import")
    assert code == 4
    assert "did you mean alice" in said
    assert CANARY not in said
    assert desk.ask("keys", "list", "--json").json == []
    code, said = give(
        desk, f"{good}\n\n{good.replace('alice', 'bob')}\n", "keys", "import", "--json"
    )
    assert (code, json.loads(said)) == (0, {"stored": ["alice", "bob"]})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected a JSON object"),
        (CANARY, "expected a JSON object"),
        ("[]", "expected a JSON object"),
        ("{}", "apiKey must be text"),
        (json.dumps({"apikey": CANARY}), "unknown fields"),
        (json.dumps({"apiKey": "", "secret": CANARY}), "apiKey must be text"),
    ],
)
def test_what_is_wrong_is_told_and_not_echoed(desk: CommandLine, text: str, says: str) -> None:
    """A secret in the wrong place must not end up in a terminal's history."""
    code, said = give(desk, text, "keys", "set", "alice")
    assert code == 78
    assert says in said
    assert CANARY not in said


def test_a_rotated_vault_opens_with_the_new_key_only(desk: CommandLine) -> None:
    """The old key stays as a file of its own until somebody is sure."""
    give(desk, keys(), "keys", "set", "alice")
    old = (desk.folder / "master.key").read_bytes()
    assert desk.ask("keys", "rotate").code == 0
    assert (desk.folder / "master.key").read_bytes() != old
    assert (desk.folder / "master.key.bak").read_bytes() == old
    assert desk.ask("keys", "list", "--json").json[0]["user"] == "alice"
    (desk.folder / "master.key").write_bytes(old)
    wrong = desk.ask("keys", "list")
    assert wrong.code == 78
    assert "is not the master key of this ledger" in wrong.err


def test_a_master_key_that_others_can_read_is_refused(desk: CommandLine) -> None:
    """With the command that mends it."""
    (desk.folder / "master.key").chmod(0o644)
    said = desk.ask("keys", "list")
    assert said.code == 78
    assert "chmod 600" in said.err


def test_secrets_have_names_only(desk: CommandLine) -> None:
    """Set, listed, deleted."""
    code, said = give(desk, f"{CANARY}\n", "secret", "set", "telegram")
    assert (code, CANARY in said) == (0, False)
    listed = desk.ask("secret", "list")
    assert "telegram" in listed.out
    assert CANARY not in listed.out
    assert desk.ask("secret", "delete", "telegram").code == 0
    assert desk.ask("secret", "delete", "telegram").code == 4
    assert give(desk, "", "secret", "set", "empty")[0] == 78


def test_a_rotation_that_cannot_write_says_why_and_changes_nothing(desk: CommandLine) -> None:
    """A full or read-only disk, or a name with which no second file can be made, as here."""
    assert give(desk, keys(), "keys", "set", "alice")[0] == 0
    key = desk.folder / f"{'k' * 253}"
    (desk.folder / "master.key").rename(key)
    said = desk.run("keys", "rotate", SIGNALBOT_MASTER_KEY_FILE=str(key))
    assert said.code == 1
    assert "File name too long" in said.err
    assert "Traceback" not in said.err
    key.rename(desk.folder / "master.key")
    assert [row["user"] for row in desk.ask("keys", "list", "--json").json] == ["alice"]
    assert desk.run("keys", "rotate").code == 0
