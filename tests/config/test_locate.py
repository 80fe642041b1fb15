"""Finding the file and its state directory, quickly and with the places named."""

import subprocess
import sys
from pathlib import Path

import pytest

from signalbot.config.load import load
from signalbot.config.locate import find_config, state_dir_of
from signalbot.config.problems import InvalidConfig
from signalbot.domain.errors import ConfigError
from tests.config.config_files import MINIMAL, write


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_named_file_comes_first(folder: Path) -> None:
    """-c wins over the environment, which wins over the working directory."""
    write(folder, "")
    named, other = folder / "named.toml", folder / "other.toml"
    named.touch()
    other.touch()
    environ = {"SIGNALBOT_CONFIG": str(other)}
    assert find_config(named, environ) == named
    assert find_config(None, environ) == other
    assert find_config(None, {"SIGNALBOT_CONFIG": ""}) == Path("config.toml")
    assert find_config(None, {}) == Path("config.toml")


def test_all_places_tried_are_named(folder: Path) -> None:
    """Who has no file learns where one was looked for, and how to get one."""
    with pytest.raises(ConfigError) as caught:
        find_config(None, {})
    message = str(caught.value)
    assert "$SIGNALBOT_CONFIG (not set)" in message
    assert str(folder / "config.toml") in message
    assert "/etc/signalbot/config.toml" in message
    assert "signalbot init" in message


def test_a_named_file_that_does_not_exist_is_not_replaced_by_another(folder: Path) -> None:
    """A typing error after -c must not start another configuration."""
    write(folder, "")
    with pytest.raises(ConfigError, match=r"missing.toml, named by -c, does not exist"):
        find_config(Path("missing.toml"), {})
    with pytest.raises(ConfigError, match=r"named by \$SIGNALBOT_CONFIG, is a directory"):
        find_config(None, {"SIGNALBOT_CONFIG": str(folder)})


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        ("", {}),
        ('[daemon]\nstate_dir = "here"\n[users.alice]\n', {}),
        ('daemon.state_dir = "here"\n', {}),
        ('daemon = { state_dir = "/abs/./dir" }\n', {}),
        ('[exchanges]\n[daemon]\nlog_level = "info"\nstate_dir = "../up"\n[api]\n', {}),
        ('[daemon]\nlog_level = "info"\n[api]\n', {}),
        ("", {"SIGNALBOT__DAEMON__STATE_DIR": "from-environment"}),
        ('[daemon]\nstate_dir = "here"\n', {"SIGNALBOT__DAEMON__STATE_DIR": "/tmp/x"}),  # noqa: S108
        ("", {"SIGNALBOT__DAEMON": '{"state_dir": "json"}'}),
        ('[daemon]\nstate_dir = "~/signalbot"\n', {}),
    ],
)
def test_the_state_directory_is_the_one_load_finds(
    tmp_path: Path, text: str, environ: dict[str, str]
) -> None:
    """The quick way and the thorough way never disagree."""
    path = write(tmp_path, text.replace("[users.alice]\n", ""))
    found = state_dir_of(path, environ)
    assert found.is_absolute()
    assert found == load(path, environ).daemon.state_dir


def test_a_header_within_a_value_does_not_end_the_table(tmp_path: Path) -> None:
    """Reading no further than needed never cuts a text or a list in two."""
    text = '[daemon]\nlog_format = """\n[api]\n"""\nstate_dir = "right"\n[api]\n'
    assert state_dir_of(write(tmp_path, text), {}) == tmp_path / "right"
    text = 'x = """\n[daemon]\nstate_dir = "wrong"\n[y]\n"""\n[daemon]\nstate_dir = "right"\n'
    assert state_dir_of(write(tmp_path, text), {}) == tmp_path / "right"


def test_errors_elsewhere_do_not_keep_readers_from_the_ledger(tmp_path: Path) -> None:
    """Only the state directory is looked at."""
    path = write(tmp_path, MINIMAL + '[daemon]\nstate_dir = "here"\nlog_level = "loud"\n')
    assert state_dir_of(path, {}) == tmp_path / "here"


@pytest.mark.parametrize("value", ["5", '""', '["a"]'])
def test_a_state_directory_that_is_not_text_is_refused(tmp_path: Path, value: str) -> None:
    """The message has file, line and key."""
    path = write(tmp_path, f"[daemon]\nstate_dir = {value}\n")
    with pytest.raises(InvalidConfig, match=r"config.toml:2: daemon.state_dir: .* not the path"):
        state_dir_of(path, {})


def test_locating_loads_no_heavy_library() -> None:
    """Commands that read the ledger answer at once."""
    code = (
        "import sys, signalbot.config.locate;"
        "print({'pydantic', 'pydantic_settings', 'numpy', 'ccxt'} & set(sys.modules))"
    )
    assert _run(code) == "set()"


def test_loading_needs_no_numerical_library() -> None:
    """Only checking strategies does."""
    code = "import sys, signalbot.config.load; print({'numpy', 'talib', 'ccxt'} & set(sys.modules))"
    assert _run(code) == "set()"


def _run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()
