"""A worker reads the folder that was checked, wherever its path points later."""

import os
from pathlib import Path

import pytest

from signalbot.sandbox.folder import Folder
from signalbot.sandbox.strategy_runner import StrategyRunner
from signalbot.strategies.base import StrategyFailed
from tests.sandbox.kernel_features import lacks
from tests.sandbox.strategy_fixtures import ask, read, write

READS = """
    try:
        return long(open({path!r}).read())
    except OSError as e:
        return long(type(e).__name__)
"""


def _error(runner: StrategyRunner) -> str:
    idea = ask(runner)
    assert idea is not None
    return idea.reason


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder of strategies beside a secret."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "notes.txt").write_text("secret")
    (tmp_path / "strategies").mkdir()
    (tmp_path / "strategies" / "notes.txt").write_text("mine")
    return tmp_path


@pytest.mark.skipif(lacks("files"), reason="this kernel has no Landlock")
@pytest.mark.parametrize("when", ["before it starts", "between two candles", "before it restarts"])
def test_a_link_in_its_place_leads_nowhere(home: Path, when: str) -> None:
    """The worker still may read the old folder, and nothing of what the link shows."""
    folder = home / "strategies"
    body = READS.format(path=str(folder / "notes.txt"))
    file = read(write(folder, body))
    runner = StrategyRunner(file, lambda _: None)

    def swap() -> None:
        folder.rename(home / "moved")
        folder.symlink_to(home / "home")

    try:
        if when == "before it starts":
            swap()
            assert _error(runner) == "PermissionError"
        else:
            assert _error(runner) == "mine"
            swap()
            if when == "before it restarts":
                runner.suspend()
            assert _error(runner) == "PermissionError"
    finally:
        runner.suspend()


def test_a_link_on_the_way_is_not_followed_while_it_is_opened(home: Path) -> None:
    """What was resolved before is opened step by step, without links."""
    link = home / "link"
    link.symlink_to(home / "home")
    with pytest.raises(StrategyFailed, match="cannot be opened"):
        Folder.open(link)
    assert read(write(home / "strategies", "return None")).folder.holds(home / "strategies")


@pytest.mark.parametrize(
    ("at", "mode", "says"),
    [
        ("strategies", 0o777, "chmod go-w"),
        ("strategies", 0o1777, "chmod go-w"),
        (".", 0o777, "chmod go-w"),
        ("strategies/own.py", 0o666, "chmod go-w"),
    ],
)
def test_what_others_may_change_is_not_run(home: Path, at: str, mode: int, says: str) -> None:
    """The file, its folder, or one on the way; the message contains the fix."""
    path = write(home / "strategies", "return None")
    place = home / at
    place.chmod(mode)
    try:
        with pytest.raises(StrategyFailed, match=says):
            read(path)
    finally:
        place.chmod(0o755)
    assert read(path).path == path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_what_belongs_to_another_user_is_not_run(home: Path) -> None:
    """It is that user's to change at any time."""
    path = write(home / "strategies", "return None")
    os.chown(home / "strategies", 4_242, 4_242)
    with pytest.raises(StrategyFailed, match="belongs to another user"):
        read(path)


def test_a_folder_knows_what_lies_in_it_by_whatever_name(home: Path) -> None:
    """Through links, and what is not there yet."""
    folder = Folder.open(home / "strategies")
    (home / "alias").symlink_to(home / "strategies")
    assert folder.holds(home / "strategies" / "master.key")
    assert folder.holds(home / "alias" / "state")
    assert not folder.holds(home / "home" / "notes.txt")


def test_what_is_no_plain_file_is_not_read(home: Path) -> None:
    """A pipe would keep the daemon waiting."""
    os.mkfifo(home / "strategies" / "pipe.py")
    with pytest.raises(StrategyFailed, match="not a file"):
        read(home / "strategies" / "pipe.py")
