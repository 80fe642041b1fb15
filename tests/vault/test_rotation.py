"""A rotation that is killed, wherever it is, and run again, loses nothing."""

from pathlib import Path

import pytest

from signalbot.domain.errors import ConfigError
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.ledger.database import open_database
from signalbot.ledger.vault_store import VaultStore
from signalbot.vault import durable_files, master_key
from signalbot.vault.envelope import DecryptionFailed
from signalbot.vault.rotation import rotate_master_key
from signalbot.vault.vault import Credentials, Vault

NOW = Ms(1_700_000_000_000)
ANNA = UserId("anna")
KEYS = {(ANNA, "x"): Credentials({"apiKey": "a-key", "secret": "a-secret"})}


async def _filled(folder: Path) -> Path:
    """A vault with the keys of an account and a secret; where its master key is."""
    path = folder / "master.key"
    durable_files.create_file(path, master_key.encode_key(master_key.generate_key()))
    async with open_database(folder / "ledger.db") as database:
        vault = await Vault.unlock(VaultStore(database), path, now_ms=NOW)
        await vault.set_credentials([(ANNA, "x", KEYS[ANNA, "x"])], now_ms=NOW)
        await vault.set_secret("bot", "tgram://1/2", now_ms=NOW)
    return path


async def _held(folder: Path, path: Path) -> tuple[object, str | None]:
    """What the vault holds, opened with the key at ``path``."""
    async with open_database(folder / "ledger.db") as database:
        vault = await Vault.unlock(VaultStore(database), path, now_ms=NOW)
        return await vault.credentials(), await vault.secret("bot")


def _files(folder: Path) -> dict[str, bytes]:
    """Every key file there, by name."""
    return {each.name: each.read_bytes() for each in folder.glob("master.key*")}


async def _rotate(folder: Path, path: Path) -> None:
    async with open_database(folder / "ledger.db") as database:
        await rotate_master_key(VaultStore(database), path, now_ms=NOW)


async def test_every_key_that_ever_opened_it_is_kept(tmp_path: Path) -> None:
    """Backups of the ledger are locked with the key of their day."""
    path = await _filled(tmp_path)
    used = [path.read_bytes()]
    for _ in range(3):
        await _rotate(tmp_path, path)
        used.append(path.read_bytes())
    assert await _held(tmp_path, path) == (KEYS, "tgram://1/2")
    kept = _files(tmp_path)
    assert set(kept.values()) == set(used)
    assert kept["master.key.bak"] == used[-2]
    assert all((tmp_path / name).stat().st_mode & 0o077 == 0 for name in kept)


async def test_one_that_locked_and_was_cut_off_is_finished_and_not_overwritten(
    tmp_path: Path,
) -> None:
    """The only key that opens the vault lies in ``.next``: it is put in place first."""
    path = await _filled(tmp_path)
    old = path.read_bytes()
    await _rotate(tmp_path, path)
    new = path.read_bytes()
    path.rename(tmp_path / "master.key.next")
    path.write_bytes(old)
    path.chmod(0o600)
    assert await _held(tmp_path, path) == (KEYS, "tgram://1/2")
    await _rotate(tmp_path, path)
    assert await _held(tmp_path, path) == (KEYS, "tgram://1/2")
    kept = _files(tmp_path)
    assert new in (content for name, content in kept.items() if ".bak" in name)
    assert "master.key.next" not in kept


async def test_with_the_wrong_key_nothing_is_written(tmp_path: Path) -> None:
    """It is proven before; the error names the file that is right."""
    path = await _filled(tmp_path)
    path.rename(tmp_path / "master.key.bak")
    durable_files.create_file(path, master_key.encode_key(master_key.generate_key()))
    before = _files(tmp_path)
    async with open_database(tmp_path / "ledger.db") as database:
        with pytest.raises(ConfigError, match=r"master\.key\.bak is"):
            await rotate_master_key(VaultStore(database), path, now_ms=NOW)
    assert _files(tmp_path) == before


async def test_a_value_that_does_not_open_stops_it_before_anything_is_written(
    tmp_path: Path,
) -> None:
    """A damaged row is found while the old key is still the only one."""
    path = await _filled(tmp_path)
    async with open_database(tmp_path / "ledger.db") as database:
        await database.execute("UPDATE credentials SET ciphertext = x'00' WHERE field = 'secret'")
        with pytest.raises(DecryptionFailed, match="does not decrypt"):
            await rotate_master_key(VaultStore(database), path, now_ms=NOW)
    assert [*_files(tmp_path)] == ["master.key"]


async def test_what_is_stored_during_a_rotation_is_never_locked_with_the_old_key(
    tmp_path: Path,
) -> None:
    """Who has opened the vault before must do it again."""
    path = await _filled(tmp_path)
    async with open_database(tmp_path / "ledger.db") as database:
        store = VaultStore(database)
        before = await Vault.unlock(store, path, now_ms=NOW)
        await rotate_master_key(store, path, now_ms=NOW)
        with pytest.raises(ConfigError, match="has changed in the meantime"):
            await before.set_secret("late", "x", now_ms=NOW)
        with pytest.raises(ConfigError, match="has changed in the meantime"):
            await before.set_credentials([(ANNA, "x", KEYS[ANNA, "x"])], now_ms=NOW)
        with pytest.raises(ConfigError, match="has changed in the meantime"):
            await before.rotate(master_key.generate_key())
    assert await _held(tmp_path, path) == (KEYS, "tgram://1/2")


async def test_keys_of_a_removed_user_are_rotated_and_not_used(
    tmp_path: Path,
) -> None:
    """Until they are reassigned; stored again, they belong to the current user."""
    path = await _filled(tmp_path)
    async with open_database(tmp_path / "ledger.db") as database:
        await database.execute(
            "INSERT INTO users VALUES ('anna', 'live', 'x', 1, 'isolated', '1', 'ACTIVE', '', "
            "'api', 1, 'operator', ?)",
            (NOW + 1,),
        )
        store = VaultStore(database)
        vault = await Vault.unlock(store, path, now_ms=NOW)
        assert await vault.credentials() == {}
        [stored] = await vault.list_credentials()
        assert not stored.is_current
        await rotate_master_key(store, path, now_ms=NOW)
        vault = await Vault.unlock(store, path, now_ms=NOW)
        assert await vault.reassign_credentials(ANNA, now_ms=Ms(NOW + 2)) == 2
        assert await vault.credentials() == KEYS


def test_a_file_is_made_whole_or_not_at_all_and_never_over_another(tmp_path: Path) -> None:
    """What a killed run was about to make is swept away by the next."""
    path = tmp_path / "master.key"
    durable_files.create_file(path, b"one")
    with pytest.raises(FileExistsError):
        durable_files.create_file(path, b"two")
    assert path.read_bytes() == b"one"
    for name in (".master.key.0123abcd", ".master.key.next.0123abcd", ".master.key.bak.0123abcd"):
        (tmp_path / name).write_bytes(b"half")
    (tmp_path / ".master.key.mine").write_bytes(b"somebody's")
    durable_files.remove_unfinished(path)
    assert sorted(each.name for each in tmp_path.iterdir()) == [".master.key.mine", "master.key"]
