"""A hostile strategy gets nothing: no file, no socket, no process, no hand on the daemon."""

import os
from pathlib import Path
from textwrap import dedent

import pytest

from signalbot.strategies.base import StrategyFailed
from tests.sandbox.kernel_features import lacks
from tests.sandbox.strategy_fixtures import ask, reached, running, tables, write


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A daemon's folder: configuration, key, ledger, and strategies in a folder of their own."""
    (tmp_path / "config.toml").write_text("[daemon]\n")
    (tmp_path / "master.key").write_text("top secret")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "signalbot.db").write_text("ledger")
    return tmp_path


def needs(what: str) -> None:
    if lacks(what):
        pytest.skip(f"this kernel does not contain {what}")


@pytest.mark.parametrize("secret", ["master.key", "config.toml", "state/signalbot.db"])
def test_what_belongs_to_the_daemon_cannot_be_read(home: Path, secret: str) -> None:
    """Key, configuration and ledger, by any path."""
    needs("files")
    folder = home / "strategies"
    for path in (home / secret, folder / ".." / secret):
        assert reached(folder, f"open({str(path)!r}).read()") == "refused: PermissionError"
    link = folder / "link"
    link.symlink_to(home / secret)
    assert reached(folder, f"open({str(link)!r}).read()") == "refused: PermissionError"
    assert reached(folder, f"os.listdir({str(home)!r})") == "refused: PermissionError"


@pytest.mark.parametrize(
    "attempt",
    [
        "open({path!r}, 'w')",
        "os.truncate({path!r}, 0)",
        "os.unlink({path!r})",
        "os.rename({path!r}, {path!r} + '2')",
        "os.mkdir({path!r} + '2')",
        "os.symlink('/', {path!r} + '2')",
    ],
)
def test_nothing_can_be_written_anywhere(home: Path, attempt: str) -> None:
    """Neither the daemon's files nor the strategy's own."""
    needs("files")
    folder = home / "strategies"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    for path in (home / "master.key", folder / "mine.txt"):
        before = sorted(home.rglob("*"))
        assert reached(folder, attempt.format(path=str(path))).startswith("refused:")
        assert path.read_text() in ("top secret", "mine")
        assert [each for each in sorted(home.rglob("*")) if each.name != "own.py"] == [
            each for each in before if each.name != "own.py"
        ]


@pytest.mark.parametrize(
    "attempt", ["os.chmod({path!r}, 0o777)", "os.chown({path!r}, 0, 0)", "os.utime({path!r})"]
)
def test_owner_mode_and_times_of_files_stay(home: Path, attempt: str) -> None:
    """What a file system lets its owner do without opening anything."""
    needs("calls")
    path = home / "master.key"
    before = path.stat()
    assert reached(home / "strategies", attempt.format(path=str(path))).startswith("refused:")
    after = path.stat()
    assert (after.st_mode, after.st_uid, after.st_mtime_ns) == (
        before.st_mode,
        before.st_uid,
        before.st_mtime_ns,
    )


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.socket()",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        "socket.socket(socket.AF_UNIX)",
        "socket.socketpair()",
        "socket.create_connection(('127.0.0.1', 80), 1)",
        "socket.getaddrinfo('localhost', 80, type=socket.SOCK_STREAM)[0] and socket.socket()",
    ],
)
def test_no_socket_can_be_opened(tmp_path: Path, attempt: str) -> None:
    """No address, no family, no kind."""
    needs("network")
    assert reached(tmp_path / "strategies", attempt).startswith("refused:")


def test_no_thread_can_be_started(tmp_path: Path) -> None:
    """So a strategy cannot use up what the whole daemon may have."""
    needs("calls")
    folder = tmp_path / "strategies"
    for attempt in (
        "threading.Thread(target=print).start()",
        "__import__('concurrent.futures').futures.ThreadPoolExecutor(1).submit(print)",
        "__import__('_thread').start_new_thread(print, ())",
    ):
        assert reached(folder, attempt) == "refused: RuntimeError"
    ones = "__import__('numpy').ones"
    assert reached(folder, f"float(({ones}((300, 300)) @ {ones}(300))[0])") == "300.0"


@pytest.mark.parametrize(
    "attempt",
    [
        "fcntl.fcntl(1, fcntl.F_SETOWN, {pid})",
        "fcntl.fcntl(1, fcntl.F_SETSIG, signal.SIGKILL)",
        "fcntl.fcntl(1, 15, bytes(8))",  # F_SETOWN_EX
        "fcntl.fcntl(os.open({folder!r}, os.O_RDONLY), fcntl.F_NOTIFY, 1)",
        "fcntl.fcntl(os.open({file!r}, os.O_RDONLY), fcntl.F_SETLEASE, fcntl.F_RDLCK)",
        "fcntl.lockf(os.open({file!r}, os.O_RDONLY), fcntl.LOCK_SH)",
        "fcntl.ioctl(1, 0x8901, bytes(4))",  # FIOSETOWN
        "fcntl.ioctl(1, 0x5452, bytes(4))",  # FIOASYNC
        "fcntl.ioctl(0, 0x5412, b'x')",  # TIOCSTI
        "fcntl.ioctl(os.open({file!r}, os.O_RDONLY), 0x40086602, bytes(8))",  # FS_IOC_SETFLAGS
    ],
)
def test_writes_to_files_and_devices_are_limited(tmp_path: Path, attempt: str) -> None:
    """Nothing that chooses who is signalled, no leases, no notices of folders, no locks."""
    needs("calls")
    folder = tmp_path / "strategies"
    path = folder / "own.py"
    text = attempt.format(pid=os.getpid(), folder=str(folder), file=str(path))
    found = reached(folder, text, head="import fcntl")
    assert found == "refused: PermissionError"


@pytest.mark.parametrize(
    "attempt",
    [
        "os.fork()",
        "os.posix_spawn('/bin/true', ['true'], {})",
        "os.execv('/bin/true', ['true'])",
        "subprocess.run(['/bin/true'])",
        "os.setsid()",
    ],
)
def test_no_child_process_can_be_started(tmp_path: Path, attempt: str) -> None:
    """So there is none to keep alive."""
    needs("calls")
    assert reached(tmp_path / "strategies", attempt).startswith("refused:")


@pytest.mark.parametrize(
    "attempt",
    [
        "os.kill({pid}, 0)",
        "os.kill({pid}, signal.SIGSTOP)",
        "os.kill(-1, 0)",
        "os.pidfd_open({pid})",
        "resource.prlimit({pid}, resource.RLIMIT_NOFILE, (0, 0))",
        "open('/proc/{pid}/environ').read()",
        "open('/proc/{pid}/mem', 'rb').read(1)",
        "os.setpriority(os.PRIO_PROCESS, {pid}, 19)",
    ],
)
def test_the_daemon_cannot_be_touched(tmp_path: Path, attempt: str) -> None:
    """Though it belongs to the same user."""
    needs("calls")
    found = reached(tmp_path / "strategies", attempt.format(pid=os.getpid()))
    assert found.startswith("refused:")


def test_it_cannot_undo_that_it_dies_with_the_daemon(tmp_path: Path) -> None:
    """It cannot withdraw the parent-death signal."""
    needs("calls")
    call = "ctypes.CDLL(None).prctl(1, 0, 0, 0, 0)"
    assert reached(tmp_path / "strategies", call) == "-1"


def test_nothing_of_the_environment_comes_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither variables nor descriptors of the daemon."""
    monkeypatch.setenv("SIGNALBOT_SECRET", "top secret")
    folder = tmp_path / "strategies"
    assert "SECRET" not in reached(folder, "sorted(os.environ)")
    with (tmp_path / "open").open("w") as held:
        os.set_inheritable(held.fileno(), True)
        head = """
            def places():
                found = []
                for number in range(64):
                    try:
                        os.fstat(number)
                        found.append(number)
                    except OSError:
                        pass
                return found
        """
        there = reached(folder, "len(places())", head=dedent(head))
    assert there == "5"  # no input, two ends of its output, question and answer


def test_its_own_folder_and_the_installed_packages_are_there(tmp_path: Path) -> None:
    """What a strategy needs works: files beside it, modules beside it, libraries."""
    folder = tmp_path / "strategies"
    folder.mkdir()
    (folder / "levels.txt").write_text("42")
    (folder / "beside.py").write_text("ANSWER = 43\n")
    assert reached(folder, f"open({str(folder / 'levels.txt')!r}).read()") == "'42'"
    assert reached(folder, "__import__('beside').ANSWER") == "43"
    assert reached(folder, "__import__('talib').EMA(candles.main.close, 3)[-1].item()") == "100.0"
    copy = "[os.close(os.dup(1)), os.isatty(1), os.get_blocking(1), os.get_inheritable(1)]"
    assert reached(folder, copy) == "[None, False, True, True]"


def test_memory_is_bounded_and_the_worker_goes_on(tmp_path: Path) -> None:
    """A bomb is a MemoryError in its own file; the next candle is considered."""
    body = """
        if candles.main.close[-1] > 1:
            hoard = [bytearray(50_000_000) for _ in range(100)]
        return long("fine")
    """
    with running(write(tmp_path, body)) as runner:
        with pytest.raises(StrategyFailed, match=r"(?s)^MemoryError.*line \d+, in on_candle"):
            ask(runner)
        pid = runner.pid
        assert ask(runner, tables(1.0))
        assert runner.pid == pid
