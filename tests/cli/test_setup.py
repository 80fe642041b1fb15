"""``init``, ``check`` and ``config``: from nothing to a configuration one can trust."""

import json
import stat
from base64 import b64decode

from signalbot.config.example import example_text
from tests.cli.command_line import CommandLine


def test_init_writes_a_configuration_that_check_finds_right(shell: CommandLine) -> None:
    """With a key that only its owner can read, and the next steps."""
    said = shell.run("init", "bot")
    assert said.code == 0
    assert "signalbot check -c bot/config.toml" in said.out
    key = shell.folder / "bot" / "master.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(b64decode(key.read_text(), validate=False)) == 32
    assert (shell.folder / "bot" / "config.toml").read_text() == example_text()
    checked = shell.run("check", "-c", "bot/config.toml")
    assert checked.code == 0
    assert "alice" in checked.out
    assert "the configuration is valid" in checked.out


def test_init_overwrites_nothing(shell: CommandLine) -> None:
    """A second run keeps what is there and makes what is missing."""
    (shell.folder / "config.toml").write_text("# mine\n")
    first = shell.run("init")
    key = (shell.folder / "master.key").read_bytes()
    second = shell.ask("init")
    assert (first.code, second.code) == (0, 0)
    assert "kept config.toml" in first.out
    assert "kept master.key" in second.out
    assert (shell.folder / "config.toml").read_text() == "# mine\n"
    assert (shell.folder / "master.key").read_bytes() == key


def test_every_error_of_a_configuration_is_told_with_line_key_and_value(shell: CommandLine) -> None:
    """And what was meant; exit code 78 stops systemd from trying again."""
    text = example_text().replace('timeframe = "5m"', 'timeframe = "7m"')
    text = text.replace("[users.bob]", "[users.bob]\nmodus = 'paper'")
    (shell.folder / "config.toml").write_text(text)
    said = shell.run("check")
    assert (said.code, said.out) == (78, "")
    timeframe, unknown, see = said.err.splitlines()
    assert timeframe.startswith("config.toml:")
    assert "strategies.trend.timeframe: '7m' is not one of" in timeframe
    assert "users.bob" in unknown
    assert "did you mean 'mode'" in unknown
    assert see == "see: signalbot manual configuration"
    as_json = shell.ask("check", "--json")
    assert as_json.code == 78
    assert [problem["path"] for problem in as_json.json["problems"]] == [
        "strategies.trend.timeframe",
        "users.bob.modus",
    ]


def test_check_builds_the_strategies(shell: CommandLine) -> None:
    """A parameter that its strategy cannot use is as wrong as any other value."""
    text = example_text().replace("fast = 9,", "fast = 30,")
    (shell.folder / "config.toml").write_text(text)
    said = shell.run("check")
    assert said.code == 78
    assert "strategies.trend.params.fast" in said.err


def test_check_resolves_users_and_strategies(shell: CommandLine) -> None:
    """What the file comes to, as a program would read it."""
    shell.ask("init")
    found = shell.ask("check", "--json").json
    assert found["ok"] is True
    users = {row["user_id"]: row for row in found["users"]}
    assert users["alice"]["strategies"] == ["trend", "dips"]
    assert users["bob"]["paper_balance"] == "2500"
    strategies = {row["name"]: row for row in found["strategies"]}
    assert strategies["trend"]["subscribers"] == 4
    assert strategies["dips"]["signal_ttl_ms"] == 120_000


def test_check_online_asks_nobody_where_everything_is_simulated(shell: CommandLine) -> None:
    """Nobody trades live there, so nobody's account is asked about."""
    shell.ask("init")
    assert "no live account at a real exchange" in shell.ask("check", "--online").out
    text = example_text().replace('ccxt_id = "simulated" ', 'ccxt_id = "binanceusdm" ')
    text = text.replace("speed = 30 ", "speed = 1 ")
    (shell.folder / "config.toml").write_text(text)
    offline = shell.ask("check")
    assert offline.code == 0
    assert "the configuration is valid" in offline.out


def test_config_show_says_where_a_value_came_from(shell: CommandLine) -> None:
    """Subscription, user, defaults, environment or built in; secrets are masked."""
    text = example_text().replace(
        "[users.alice.account]", 'notify = ["tgram://12345:TOKEN/67890"]\n[users.alice.account]'
    )
    (shell.folder / "config.toml").write_text(text)
    said = shell.ask("config", "show", "--user", "alice", "--strategy", "trend", "--json")
    origins = {row["path"]: (row["value"], row["origin"]) for row in said.json}
    assert origins["sizing.risk_percent"] == ("2.0", "users.alice.subscriptions.trend")
    assert origins["risk.max_open_positions"] == (3, "defaults")
    assert origins["entry.timeout"] == ("1m", "default")
    changed = shell.run(
        "config", "show", "--user", "alice", SIGNALBOT__USERS__ALICE__MODE="signals"
    )
    assert "environment SIGNALBOT__USERS__ALICE__MODE" in changed.out
    assert "TOKEN" not in changed.out
    assert "***" in changed.out


def test_config_show_does_not_know_strangers(shell: CommandLine) -> None:
    """Names are looked up, not passed over."""
    shell.ask("init")
    said = shell.ask("config", "show", "--user", "alise")
    assert said.code == 4
    assert "did you mean alice" in said.err


def test_config_schema_is_a_json_schema(shell: CommandLine) -> None:
    """It needs no configuration."""
    schema = json.loads(shell.run("config", "schema").out)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert {"daemon", "users", "strategies"} <= schema["properties"].keys()
