"""Envelope encryption: a data key per row, wrapped by a key derived from the master key.

AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces; the wrapping key is derived from the
master key with HKDF-SHA256 (RFC 5869). The row's context is authenticated as associated data, so
that a blob moved to another user, exchange or field does not decrypt.
"""

import os
from dataclasses import dataclass, field, replace
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from signalbot.domain.errors import SignalbotError
from signalbot.ledger.vault_store import SealedValue

_NONCE_BYTES = 12
_KEY_BYTES = 32
_VERSION = "v1"


class DecryptionFailed(SignalbotError):
    """A blob does not decrypt: wrong key, wrong context, or corrupted bytes."""


@dataclass(frozen=True, slots=True)
class KeyEncryptionKey:
    """The key that wraps the data keys."""

    key_id: str
    key: bytes = field(repr=False)

    @classmethod
    def of(cls, master: bytes) -> "KeyEncryptionKey":
        """Derive the wrapping key of a 32-byte master key; its id reveals nothing of the key."""
        key_id = sha256(b"signalbot/key-id/" + master).hexdigest()[:16]
        info = f"signalbot/kek/{_VERSION}/{key_id}".encode()
        kdf = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info)
        return cls(key_id, kdf.derive(master))


def seal(kek: KeyEncryptionKey, value: str, about: str) -> SealedValue:
    """Encrypt ``value`` with the context ``about``; it decrypts with the same context only."""
    key = AESGCM.generate_key(bit_length=8 * _KEY_BYTES)
    return SealedValue(
        key_id=kek.key_id,
        wrapped_key=_encrypt(kek.key, key, _associated_data(kek.key_id, about)),
        ciphertext=_encrypt(key, value.encode(), _associated_data("", about)),
    )


def unseal(kek: KeyEncryptionKey, sealed: SealedValue, about: str) -> str:
    """Decrypt a value.

    Raises:
        DecryptionFailed: it was encrypted with another key or context.
    """
    key = _decrypt(kek.key, sealed.wrapped_key, _associated_data(sealed.key_id, about))
    return _decrypt(key, sealed.ciphertext, _associated_data("", about)).decode()


def rewrap(
    old: KeyEncryptionKey, new: KeyEncryptionKey, sealed: SealedValue, about: str
) -> SealedValue:
    """Wrap the data key with another master key; the value itself is not decrypted."""
    key = _decrypt(old.key, sealed.wrapped_key, _associated_data(sealed.key_id, about))
    wrapped = _encrypt(new.key, key, _associated_data(new.key_id, about))
    return replace(sealed, key_id=new.key_id, wrapped_key=wrapped)


def _associated_data(key_id: str, about: str) -> bytes:
    return f"{_VERSION}|{key_id}|{about}".encode()


def _encrypt(key: bytes, plain: bytes, about: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, plain, about)


def _decrypt(key: bytes, blob: bytes, about: bytes) -> bytes:
    try:
        return AESGCM(key).decrypt(blob[:_NONCE_BYTES], blob[_NONCE_BYTES:], about)
    except (InvalidTag, ValueError):  # ValueError: it is truncated
        raise DecryptionFailed("a stored secret does not decrypt with this master key") from None
