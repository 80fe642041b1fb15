"""What the doctor finds in files that are really broken, and what it says to do."""

import asyncio
import os
import shutil
from base64 import b64encode
from pathlib import Path

from signalbot.domain.timeframe import Ms
from signalbot.ledger.database import open_database
from signalbot.ledger.exchange_outages import ExchangeOutages, ExchangeRoute
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


def _lock(patient: InstallationFixture, key: bytes) -> None:
    """A vault with one secret, locked with ``key``, which the file does not say."""

    async def put() -> None:
        async with open_database(patient.daemon.ledger) as database:
            vault = await Vault.open(
                VaultStore(database), key, path=patient.folder / "master.key", now_ms=NOW
            )
            await vault.set_secret("anna-telegram", MARK, now_ms=NOW)

    asyncio.run(put())


def _key_file(patient: InstallationFixture, key: bytes, *, mode: int = 0o600) -> Path:
    path = patient.folder / "master.key"
    path.write_bytes(b64encode(key))
    path.chmod(mode)
    return path


def test_a_sound_installation_lacks_nothing_but_the_daemon(patient: InstallationFixture) -> None:
    """One problem, and the command that solves it."""
    found = patient.findings("service")
    assert [(each.level, each.cure) for each in found] == [
        ("problem", "signalbot run; then its log")
    ]
    for what in ("configuration", "permissions", "ledger", "disk"):
        assert patient.is_well(what), what


def test_it_changes_nothing(patient: InstallationFixture) -> None:
    """Neither creates nor touches a file."""
    before = {path: path.stat().st_mtime_ns for path in patient.daemon.state.iterdir()}
    patient.findings("ledger")
    companions = {patient.daemon.ledger.with_name(f"signalbot.db-{end}") for end in ("wal", "shm")}
    after = {path: path.stat().st_mtime_ns for path in patient.daemon.state.iterdir()}
    assert {path: at for path, at in after.items() if path not in companions} == before


def test_a_misspelt_key(patient: InstallationFixture) -> None:
    """With its line, and everything else is left for later."""
    patient.configure(after="[backups]\n")
    found = patient.problem("configuration")
    assert "backups" in found.says
    assert "did you mean 'backup'" in found.says


def test_a_strategy_that_cannot_be_built(patient: InstallationFixture) -> None:
    """What only the strategy itself knows is asked, too."""
    patient.configure(after="[strategies.trend.params]\nfast = 50\nslow = 5")
    assert "fast" in patient.problem("configuration").says


def test_a_state_directory_that_others_may_enter(patient: InstallationFixture) -> None:
    """With the command that closes it."""
    patient.daemon.state.chmod(0o755)
    assert patient.problem("permissions").cure == f"chmod 700 {patient.daemon.state}"


def test_a_ledger_that_others_may_read(patient: InstallationFixture) -> None:
    """Whatever the folder's mode."""
    patient.daemon.ledger.chmod(0o644)
    assert patient.problem("permissions").cure == f"chmod 600 {patient.daemon.ledger}"


def test_a_master_key_that_others_may_read(patient: InstallationFixture) -> None:
    """Closing it is not enough when somebody may have read it."""
    path = _key_file(patient, os.urandom(32), mode=0o644)
    cure = patient.problem("permissions").cure or ""
    assert cure.startswith(f"chmod 600 {path}; ")
    assert "signalbot keys rotate" in cure


def test_a_configuration_that_others_may_change(patient: InstallationFixture) -> None:
    """Whoever changes it trades for its users."""
    (patient.folder / "config.toml").chmod(0o666)
    assert "others may change" in patient.problem("permissions").says


def test_a_secret_in_a_configuration_that_everybody_reads(patient: InstallationFixture) -> None:
    """Found without being shown; the same file for its owner alone is in order."""
    patient.configure("leverage = 5", 'leverage = 5\negress = "http://me:canary@127.0.0.1:3128"')
    found = patient.problem("permissions")
    assert "holds a secret" in found.says
    assert "canary" not in found.says
    (patient.folder / "config.toml").chmod(0o640)
    assert patient.is_well("permissions")


def test_another_master_key_than_the_vault_was_locked_with(patient: InstallationFixture) -> None:
    """Told before a live account needs its keys."""
    _lock(patient, os.urandom(32))
    _key_file(patient, os.urandom(32))
    assert "is not the master key of this ledger" in patient.problem("vault").says


def test_a_lost_master_key(patient: InstallationFixture) -> None:
    """What was locked with it needs it."""
    _lock(patient, os.urandom(32))
    assert "there is no master key" in patient.problem("vault").says


def test_a_secret_that_the_file_names_and_nobody_has_set(patient: InstallationFixture) -> None:
    """With the command that sets it."""
    key = os.urandom(32)
    _lock(patient, key)
    _key_file(patient, key)
    notify = '[users.anna]\nnotify = ["secret:anna-telegram", "secret:anna-mail"]'
    patient.configure("[users.anna.account]", f"{notify}\n[users.anna.account]")
    assert patient.problem("vault").cure == "signalbot secret set anna-mail"


def test_a_vault_that_opens(patient: InstallationFixture) -> None:
    """Everything in it has been opened, and nothing of it is said."""
    key = os.urandom(32)
    _lock(patient, key)
    _key_file(patient, key)
    assert patient.is_well("vault")
    assert "canary" not in CommandLine(patient.folder).ask("doctor").out


def test_a_live_user_without_keys(patient: InstallationFixture) -> None:
    """Nobody trades without them."""
    _key_file(patient, os.urandom(32))
    patient.configure(
        after='[exchanges.binance]\nccxt_id = "binanceusdm"\n'
        '[users.ben]\nmode = "live"\n[users.ben.account]\nexchange = "binance"'
    )
    found = patient.problem("vault")
    assert (found.says, found.cure) == (
        "ben trades live and has no keys for binance",
        "signalbot keys set ben",
    )


def test_a_damaged_ledger(patient: InstallationFixture) -> None:
    """Pages overwritten in the middle of the file."""

    async def fill_up() -> None:
        async with ledger(patient.daemon.state) as opened:
            for number in range(300):
                await opened.signals.store(signal(str(number)))

    asyncio.run(fill_up())
    content = bytearray(patient.daemon.ledger.read_bytes())
    content[-12_288:-4_096] = b"\x5a" * 8_192
    patient.daemon.ledger.write_bytes(content)
    found = patient.problem("ledger")
    assert "signalbot restore" in (found.cure or "")


def test_a_file_that_is_no_ledger(patient: InstallationFixture) -> None:
    """Somebody's text in its place; the other examinations go on."""
    patient.daemon.ledger.write_text("la la la" * 1000)
    assert "cannot" in patient.problem("ledger").says
    assert patient.is_well("disk")


def test_too_little_room(patient: InstallationFixture) -> None:
    """Said before the daemon has to stop entries, and when it has."""
    with small_disk(patient.folder / "small", megabytes=48) as disk:
        shutil.copy(patient.daemon.ledger, disk)
        disk.chmod(0o700)
        patient.configure(str(patient.daemon.state), str(disk))
        patient.configure('log_format = "json"', "min_free_disk_mb = 8")
        assert patient.is_well("disk")
        fill(disk, leave_bytes=16 << 20)
        assert [each.level for each in patient.findings("disk")] == ["note"]
        fill(disk, leave_bytes=4 << 20)
        assert "nobody enters" in patient.problem("disk").says


def test_no_backup_at_all(patient: InstallationFixture) -> None:
    """A ledger without a copy; making one cures it."""
    assert "there is none in" in patient.problem("backups").says
    assert CommandLine(patient.folder).ask("backup").code == 0
    assert patient.is_well("backups")


def test_backups_that_stopped(patient: InstallationFixture) -> None:
    """The newest is older than two should be."""
    CommandLine(patient.folder).ask("backup")
    folder = patient.daemon.state / "backups"
    (backup,) = folder.iterdir()
    backup.rename(folder / "signalbot-20240101T033000Z.db")
    assert "signalbot-20240101T033000Z.db, is " in patient.problem("backups").says


def test_a_backup_that_is_not_good(patient: InstallationFixture) -> None:
    """Cut short by whatever carried it."""
    CommandLine(patient.folder).ask("backup")
    (backup,) = (patient.daemon.state / "backups").iterdir()
    backup.write_bytes(backup.read_bytes()[: 40 * 1024])
    assert patient.problem("backups").cure == "signalbot backup; then look after the disk"


def test_a_backup_beside_the_ledger(patient: InstallationFixture) -> None:
    """A note: one disk that breaks takes both."""
    CommandLine(patient.folder).ask("backup")
    notes = [each.says for each in patient.findings("backups") if each.level == "note"]
    assert notes == ["lie on the same disk as the ledger"]


def test_an_archive_that_was_removed_or_cut_short(patient: InstallationFixture) -> None:
    """What has left the ledger is nowhere else."""

    async def age() -> None:
        async with ledger(patient.daemon.state) as opened:
            for number in range(50):
                await opened.signals.store(signal(str(number)))
            await opened.signals.expire(Ms(NOW + 86_400_000))
            folder, cutoff_ms = patient.daemon.state / "archive", Ms(NOW + 86_400_000)
            await archive_old_rows(
                opened.database, folder, cutoff_ms=cutoff_ms, clock=SystemClock()
            )

    asyncio.run(age())
    assert patient.is_well("archives")
    (path,) = (patient.daemon.state / "archive").iterdir()
    path.write_bytes(path.read_bytes()[:-1])
    assert "has been cut short" in patient.problem("archives").says
    path.unlink()
    assert "is gone, with" in patient.problem("archives").says


def test_a_halt_and_a_halted_user(patient: InstallationFixture) -> None:
    """With why, and the command that lifts each."""

    async def halt() -> None:
        async with ledger(patient.daemon.state) as opened:
            await opened.accounts.set_halted("exchange maintenance", now_ms=NOW)
            await opened.database.execute(
                "UPDATE users SET status = 'HALTED', status_reason = 'the key is refused'"
                " WHERE user_id = 'anna'"
            )

    asyncio.run(halt())
    found = [each for each in patient.findings("trading") if each.level == "problem"]
    assert [each.says for each in found] == [
        "is halted: exchange maintenance",
        "anna is HALTED: the key is refused",
    ]
    assert "signalbot unhalt" in (found[0].cure or "")
    assert "signalbot resume anna" in (found[1].cure or "")


def test_an_exchange_that_is_away(patient: InstallationFixture) -> None:
    """As the daemon has noted it, or did before it was stopped."""

    async def lose() -> None:
        async with ledger(patient.daemon.state) as opened:
            line = ExchangeRoute(exchange="sim", egress="direct")
            await ExchangeOutages(opened.database).begin(line, since_ms=NOW)

    asyncio.run(lose())
    assert patient.problem("trading").says.startswith("sim (direct) has answered nothing for ")


def test_what_contains_strategy_files_is_told_where_there_are_some(
    patient: InstallationFixture,
) -> None:
    """Asked of a worker that is confined on this machine."""
    assert patient.findings("strategy files") == []
    (patient.folder / "mine.py").write_text(
        "from signalbot.strategy import Strategy\n\n\n"
        "class Mine(Strategy):\n    def warm_up(self, timeframe, params):\n        return 1\n"
    )
    patient.configure(
        after='[strategies.mine]\nkind = "file"\npath = "mine.py"\nexchange = "sim"\n'
        'symbols = ["BTC/USDT:USDT"]\ntimeframe = "1m"'
    )
    found = patient.findings("strategy files")
    assert len(found) >= 4
    assert all("strategy file" in each.says for each in found)
