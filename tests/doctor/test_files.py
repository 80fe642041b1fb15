"""The doctor's findings for broken files, and the fix it gives for each."""

import asyncio
import os
import shutil
from base64 import b64encode
from pathlib import Path

from signalbot.domain.timeframe import Ms
from signalbot.ledger.database import open_database
from signalbot.ledger.outages import ExchangeOutages, ExchangeRoute
from signalbot.ledger.vault_store import VaultStore
from signalbot.maintenance.archiving import archive_old_rows
from signalbot.tasks import SystemClock
from signalbot.vault.vault import Vault
from tests.cli.command_line import CommandLine
from tests.doctor.installation import InstallationFixture
from tests.domain.samples import NOW
from tests.ledger.ledger_fixtures import ledger, signal
from tests.maintenance.daemon_process import fill, small_disk

MARK = "tgram://123/canary"


def _lock(installation: InstallationFixture, key: bytes) -> None:
    """A vault with one secret, locked with ``key``, which the file does not name."""

    async def put() -> None:
        async with open_database(installation.daemon.ledger) as database:
            vault = await Vault.open(
                VaultStore(database), key, path=installation.folder / "master.key", now_ms=NOW
            )
            await vault.set_secret("anna-telegram", MARK, now_ms=NOW)

    asyncio.run(put())


def _key_file(installation: InstallationFixture, key: bytes, *, mode: int = 0o600) -> Path:
    path = installation.folder / "master.key"
    path.write_bytes(b64encode(key))
    path.chmod(mode)
    return path


def test_a_sound_installation_only_needs_the_daemon(installation: InstallationFixture) -> None:
    """One problem, and the command that solves it."""
    found = installation.findings("service")
    assert [(each.level, each.cure) for each in found] == [
        ("problem", "signalbot run; then read its log")
    ]
    for what in ("configuration", "permissions", "ledger", "disk"):
        assert installation.is_well(what), what


def test_it_changes_nothing(installation: InstallationFixture) -> None:
    """Neither creates nor touches a file."""
    before = {path: path.stat().st_mtime_ns for path in installation.daemon.state.iterdir()}
    installation.findings("ledger")
    companions = {
        installation.daemon.ledger.with_name(f"signalbot.db-{end}") for end in ("wal", "shm")
    }
    after = {path: path.stat().st_mtime_ns for path in installation.daemon.state.iterdir()}
    assert {path: at for path, at in after.items() if path not in companions} == before


def test_a_misspelt_key(installation: InstallationFixture) -> None:
    """With its line, and everything else is left for later."""
    installation.configure(after="[backups]\n")
    found = installation.problem("configuration")
    assert "backups" in found.says
    assert "did you mean 'backup'" in found.says


def test_a_strategy_that_cannot_be_built(installation: InstallationFixture) -> None:
    """Checks by the strategy itself are included."""
    installation.configure(after="[strategies.trend.params]\nfast = 50\nslow = 5")
    assert "fast" in installation.problem("configuration").says


def test_a_state_directory_that_others_may_enter(installation: InstallationFixture) -> None:
    """With the command that closes it."""
    installation.daemon.state.chmod(0o755)
    assert installation.problem("permissions").cure == f"chmod 700 {installation.daemon.state}"


def test_a_ledger_that_others_may_read(installation: InstallationFixture) -> None:
    """Whatever the folder's mode."""
    installation.daemon.ledger.chmod(0o644)
    assert installation.problem("permissions").cure == f"chmod 600 {installation.daemon.ledger}"


def test_a_master_key_that_others_may_read(installation: InstallationFixture) -> None:
    """Closing it is not enough if it was read."""
    path = _key_file(installation, os.urandom(32), mode=0o644)
    fix = installation.problem("permissions").cure or ""
    assert fix.startswith(f"chmod 600 {path}; ")
    assert "signalbot keys rotate" in fix


def test_a_configuration_that_others_may_change(installation: InstallationFixture) -> None:
    """A change of it trades for its users."""
    (installation.folder / "config.toml").chmod(0o666)
    assert "other users can change" in installation.problem("permissions").says


def test_a_secret_in_a_world_readable_configuration(installation: InstallationFixture) -> None:
    """Found without being shown; the same file for its owner alone is in order."""
    installation.configure(
        "leverage = 5", 'leverage = 5\negress = "http://me:canary@127.0.0.1:3128"'
    )
    found = installation.problem("permissions")
    assert "holds a secret" in found.says
    assert "canary" not in found.says
    (installation.folder / "config.toml").chmod(0o640)
    assert installation.is_well("permissions")


def test_another_master_key_than_the_vault_was_locked_with(
    installation: InstallationFixture,
) -> None:
    """Found before a live account needs its keys."""
    _lock(installation, os.urandom(32))
    _key_file(installation, os.urandom(32))
    assert "is not the master key of this ledger" in installation.problem("vault").says


def test_a_lost_master_key(installation: InstallationFixture) -> None:
    """What was locked with it needs it."""
    _lock(installation, os.urandom(32))
    assert "there is no master key" in installation.problem("vault").says


def test_a_configured_secret_that_is_not_set(installation: InstallationFixture) -> None:
    """With the command that sets it."""
    key = os.urandom(32)
    _lock(installation, key)
    _key_file(installation, key)
    notify = '[users.anna]\nnotify = ["secret:anna-telegram", "secret:anna-mail"]'
    installation.configure("[users.anna.account]", f"{notify}\n[users.anna.account]")
    assert installation.problem("vault").cure == "signalbot secret set anna-mail"


def test_a_vault_that_opens(installation: InstallationFixture) -> None:
    """All of it was decrypted, and none of it is shown."""
    key = os.urandom(32)
    _lock(installation, key)
    _key_file(installation, key)
    assert installation.is_well("vault")
    assert "canary" not in CommandLine(installation.folder).ask("doctor").out


def test_a_live_user_without_keys(installation: InstallationFixture) -> None:
    """It cannot trade without them."""
    _key_file(installation, os.urandom(32))
    installation.configure(
        after='[exchanges.binance]\nccxt_id = "binanceusdm"\n'
        '[users.ben]\nmode = "live"\n[users.ben.account]\nexchange = "binance"'
    )
    found = installation.problem("vault")
    assert (found.says, found.cure) == (
        "ben trades live without keys for binance",
        "signalbot keys set ben",
    )


def test_a_damaged_ledger(installation: InstallationFixture) -> None:
    """Pages overwritten in the middle of the file."""

    async def fill_up() -> None:
        async with ledger(installation.daemon.state) as opened:
            for number in range(300):
                await opened.signals.store(signal(str(number)))

    asyncio.run(fill_up())
    content = bytearray(installation.daemon.ledger.read_bytes())
    content[-12_288:-4_096] = b"\x5a" * 8_192
    installation.daemon.ledger.write_bytes(content)
    found = installation.problem("ledger")
    assert "signalbot restore" in (found.cure or "")


def test_a_file_that_is_no_ledger(installation: InstallationFixture) -> None:
    """Other text in its place; the other checks continue."""
    installation.daemon.ledger.write_text("la la la" * 1000)
    assert "cannot" in installation.problem("ledger").says
    assert installation.is_well("disk")


def test_too_little_room(installation: InstallationFixture) -> None:
    """Found before entries are blocked, and afterwards."""
    with small_disk(installation.folder / "small", megabytes=48) as disk:
        shutil.copy(installation.daemon.ledger, disk)
        disk.chmod(0o700)
        installation.configure(str(installation.daemon.state), str(disk))
        installation.configure('log_format = "json"', "min_free_disk_mb = 8")
        assert installation.is_well("disk")
        fill(disk, leave_bytes=16 << 20)
        assert [each.level for each in installation.findings("disk")] == ["note"]
        fill(disk, leave_bytes=4 << 20)
        assert "entries are blocked" in installation.problem("disk").says


def test_no_backup_at_all(installation: InstallationFixture) -> None:
    """A ledger without a copy; making one cures it."""
    assert "no backup in" in installation.problem("backups").says
    assert CommandLine(installation.folder).ask("backup").code == 0
    assert installation.is_well("backups")


def test_backups_that_stopped(installation: InstallationFixture) -> None:
    """The newest is older than two should be."""
    CommandLine(installation.folder).ask("backup")
    folder = installation.daemon.state / "backups"
    (backup,) = folder.iterdir()
    backup.rename(folder / "signalbot-20240101T033000Z.db")
    assert "signalbot-20240101T033000Z.db, is " in installation.problem("backups").says


def test_a_backup_that_is_not_good(installation: InstallationFixture) -> None:
    """Cut short by whatever carried it."""
    CommandLine(installation.folder).ask("backup")
    (backup,) = (installation.daemon.state / "backups").iterdir()
    backup.write_bytes(backup.read_bytes()[: 40 * 1024])
    assert installation.problem("backups").cure == "signalbot backup; then check the disk"


def test_a_backup_on_the_disk_of_the_ledger(installation: InstallationFixture) -> None:
    """A note: one disk that breaks takes both."""
    CommandLine(installation.folder).ask("backup")
    notes = [each.says for each in installation.findings("backups") if each.level == "note"]
    assert notes == ["backups are on the same disk as the ledger"]


def test_an_archive_that_was_removed_or_cut_short(installation: InstallationFixture) -> None:
    """What has left the ledger is nowhere else."""

    async def age() -> None:
        async with ledger(installation.daemon.state) as opened:
            for number in range(50):
                await opened.signals.store(signal(str(number)))
            await opened.signals.expire(Ms(NOW + 86_400_000))
            folder, cutoff_ms = installation.daemon.state / "archive", Ms(NOW + 86_400_000)
            await archive_old_rows(
                opened.database, folder, cutoff_ms=cutoff_ms, clock=SystemClock()
            )

    asyncio.run(age())
    assert installation.is_well("archives")
    (path,) = (installation.daemon.state / "archive").iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    assert "is truncated" in installation.problem("archives").says
    path.unlink()
    assert "is missing, with" in installation.problem("archives").says


def test_a_halt_and_a_halted_user(installation: InstallationFixture) -> None:
    """With why, and the command that lifts each."""

    async def halt() -> None:
        async with ledger(installation.daemon.state) as opened:
            await opened.accounts.set_halted("exchange maintenance", now_ms=NOW)
            await opened.database.execute(
                "UPDATE users SET status = 'HALTED', status_reason = 'the key is refused'"
                " WHERE user_id = 'anna'"
            )

    asyncio.run(halt())
    found = [each for each in installation.findings("trading") if each.level == "problem"]
    assert [each.says for each in found] == [
        "is halted: exchange maintenance",
        "anna is HALTED: the key is refused",
    ]
    assert "signalbot unhalt" in (found[0].cure or "")
    assert "signalbot resume anna" in (found[1].cure or "")


def test_an_exchange_that_is_away(installation: InstallationFixture) -> None:
    """As the daemon has noted it, or did before it was stopped."""

    async def lose() -> None:
        async with ledger(installation.daemon.state) as opened:
            line = ExchangeRoute(exchange="sim", egress="direct")
            await ExchangeOutages(opened.database).begin(line, since_ms=NOW)

    asyncio.run(lose())
    assert installation.problem("trading").says.startswith("sim (direct) has not responded for ")


def test_sandbox_features_are_checked_with_strategy_files(
    installation: InstallationFixture,
) -> None:
    """Checked by a confined worker on this machine."""
    assert installation.findings("strategy files") == []
    (installation.folder / "mine.py").write_text(
        "from signalbot.strategy import Strategy\n\n\n"
        "class Mine(Strategy):\n    def warm_up(self, timeframe, params):\n        return 1\n"
    )
    installation.configure(
        after='[strategies.mine]\nkind = "file"\npath = "mine.py"\nexchange = "sim"\n'
        'symbols = ["BTC/USDT:USDT"]\ntimeframe = "1m"'
    )
    found = installation.findings("strategy files")
    assert len(found) >= 4
    assert all("strategy file" in each.says for each in found)
