"""Stored values decrypt for their owner and key only."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.domain.errors import ConfigError
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.ledger.database import open_database
from signalbot.ledger.vault_store import VaultStore
from signalbot.vault.envelope import DecryptionFailed, KeyEncryptionKey, rewrap, seal, unseal
from signalbot.vault.vault import Credentials, Vault

ONE, TWO = KeyEncryptionKey.of(bytes(32)), KeyEncryptionKey.of(bytes([1] * 32))
NOW = Ms(1_700_000_000_000)


@given(st.text(), st.text())
def test_a_sealed_value_opens_as_what_it_was_sealed_for(value: str, about: str) -> None:
    """Any text, about anything; also after its key was wrapped anew."""
    sealed = seal(ONE, value, about)
    assert unseal(ONE, sealed, about) == value
    moved = rewrap(ONE, TWO, sealed, about)
    assert unseal(TWO, moved, about) == value
    assert moved.ciphertext == sealed.ciphertext


@given(st.text(), st.text(min_size=1), st.integers(0, 10_000))
def test_a_blob_that_was_moved_or_changed_does_not_open(value: str, other: str, at: int) -> None:
    """Another place, another key, another byte."""
    sealed = seal(ONE, value, "alice|binance|secret")
    with pytest.raises(DecryptionFailed):
        unseal(ONE, sealed, f"alice|binance|secret{other}")
    with pytest.raises(DecryptionFailed):
        unseal(TWO, sealed, "alice|binance|secret")
    changed = bytearray(sealed.ciphertext)
    changed[at % len(changed)] ^= 1
    with pytest.raises(DecryptionFailed):
        unseal(
            ONE,
            type(sealed)(sealed.key_id, sealed.wrapped_key, bytes(changed)),
            "alice|binance|secret",
        )


async def test_a_thousand_accounts_come_out_in_one_query(tmp_path: Path) -> None:
    """Every account with its own values, each reported for redaction."""
    told: list[str] = []
    async with open_database(tmp_path / "ledger.db") as database:
        vault = await Vault.open(
            VaultStore(database), bytes(32), path=tmp_path, now_ms=NOW, on_reveal=told.append
        )
        assert told == []  # what proves the master key is no secret
        accounts = [
            (UserId(f"u{n}"), "x", Credentials({"apiKey": f"key{n}", "secret": f"secret{n}"}))
            for n in range(1_000)
        ]
        await vault.set_credentials(accounts, now_ms=NOW)
        told.clear()
        found = await vault.credentials()
        assert found == {(user, exchange): keys for user, exchange, keys in accounts}
        assert set(told) == {v for _, _, keys in accounts for v in keys.fields.values()}


async def test_keys_that_are_set_again_replace_all_there_was(tmp_path: Path) -> None:
    """No field of the former ones stays behind."""
    async with open_database(tmp_path / "ledger.db") as database:
        vault = await Vault.open(VaultStore(database), bytes(32), path=tmp_path, now_ms=NOW)
        first = Credentials({"apiKey": "a", "secret": "b", "password": "c"})
        second = Credentials({"apiKey": "d", "secret": "e"})
        for each in (first, second):
            await vault.set_credentials([(UserId("ann"), "x", each)], now_ms=NOW)
        assert await vault.credentials() == {(UserId("ann"), "x"): second}
        assert repr(second) == "Credentials()"


async def test_another_master_key_is_noticed_at_once(tmp_path: Path) -> None:
    """At the start, not at the first trade."""
    async with open_database(tmp_path / "ledger.db") as database:
        await Vault.open(VaultStore(database), bytes(32), path=tmp_path, now_ms=NOW)
        with pytest.raises(ConfigError, match="is not the master key"):
            await Vault.open(VaultStore(database), bytes([1] * 32), path=tmp_path, now_ms=NOW)


async def test_a_named_secret_is_resolved_and_other_text_is_left(tmp_path: Path) -> None:
    """As ``secret:NAME`` in the configuration."""
    async with open_database(tmp_path / "ledger.db") as database:
        vault = await Vault.open(VaultStore(database), bytes(32), path=tmp_path, now_ms=NOW)
        await vault.set_secret("bot", "tgram://1/2", now_ms=NOW)
        assert await vault.resolve("secret:bot") == "tgram://1/2"
        assert await vault.resolve("mailto://x") == "mailto://x"
        with pytest.raises(ConfigError, match="there is no secret 'bat'"):
            await vault.resolve("secret:bat")
