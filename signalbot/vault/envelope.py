"""Envelope encryption: every row under a key of its own, that key under the master key's.

AES-256-GCM (NIST SP 800-38D) with random 96-bit nonces; the wrapping key is derived from the
master key with HKDF-SHA256 (RFC 5869). What a row is about is authenticated with it, so that a
blob moved to another user, exchange or field does not open.
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
    """A blob does not open: another key, another place, or a changed byte."""


@dataclass(frozen=True, slots=True)
class KeyEncryptionKey:
    """The key that wraps the rows' keys."""

    key_id: str
    key: bytes = field(repr=False)

    @classmethod
    def of(cls, master: bytes) -> "KeyEncryptionKey":
        """The wrapping key of a master key of 32 bytes; its id tells keys apart, and no more."""
        key_id = sha256(b"signalbot/key-id/" + master).hexdigest()[:16]
        info = f"signalbot/kek/{_VERSION}/{key_id}".encode()
        kdf = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info)
        return cls(key_id, kdf.derive(master))


def seal(kek: KeyEncryptionKey, value: str, about: str) -> SealedValue:
    """Lock ``value``, which is about ``about`` and opens only as that."""
    key = AESGCM.generate_key(bit_length=8 * _KEY_BYTES)
    return SealedValue(
        key_id=kek.key_id,
        wrapped_key=_encrypt(kek.key, key, _associated_data(kek.key_id, about)),
        ciphertext=_encrypt(key, value.encode(), _associated_data("", about)),
    )


def unseal(kek: KeyEncryptionKey, sealed: SealedValue, about: str) -> str:
    """The value.

    Raises:
        WrongKey: it was locked with another key, or for something else.
    """
    key = _decrypt(kek.key, sealed.wrapped_key, _associated_data(sealed.key_id, about))
    return _decrypt(key, sealed.ciphertext, _associated_data("", about)).decode()


def rewrap(
    old: KeyEncryptionKey, new: KeyEncryptionKey, sealed: SealedValue, about: str
) -> SealedValue:
    """The same value under another master key; the value itself is never looked at."""
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
    except (InvalidTag, ValueError):  # ValueError: it is cut short
        raise DecryptionFailed("a stored secret does not open with this master key") from None
