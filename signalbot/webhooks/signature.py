"""Verifies signatures of alerts in the format of Standard Webhooks.

``webhook-signature`` has one or more ``v1,BASE64``, each the HMAC-SHA256 of
``ID.TIMESTAMP.BODY`` with one of the source's secrets (https://www.standardwebhooks.com).
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable, Mapping

from signalbot.domain.timeframe import Ms

TOLERANCE_S = 300
"""Maximum difference of a signature's time from the clock, in seconds."""

_VERSION = "v1,"
_PREFIX = "whsec_"


def is_signed(headers: Mapping[str, str]) -> bool:
    """Whether the request has a signature."""
    return "webhook-signature" in headers


def is_valid(
    body: bytes, headers: Mapping[str, str], secrets: Iterable[str], *, now_ms: Ms
) -> bool:
    """Whether one of ``secrets`` produced a recent signature."""
    sent_s, id_ = headers.get("webhook-timestamp", ""), headers.get("webhook-id", "")
    if not (sent_s.isascii() and sent_s.isdigit() and len(sent_s) < len(str(now_ms))):
        return False
    if abs(now_ms / 1000 - int(sent_s)) > TOLERANCE_S:
        return False
    signed = f"{id_}.{sent_s}.".encode() + body
    given = [
        each.removeprefix(_VERSION).encode()
        for each in headers.get("webhook-signature", "").split(" ")
        if each.startswith(_VERSION)
    ]
    expected = [sign(signed, secret) for secret in secrets]
    matches = [hmac.compare_digest(one, other) for one in given for other in expected]
    return any(matches)


def sign(signed: bytes, secret: str) -> bytes:
    """Compute the signature as base64."""
    return base64.b64encode(hmac.new(_key(secret), signed, hashlib.sha256).digest())


def _key(secret: str) -> bytes:
    """Return the bytes of a secret: base64 after ``whsec_``, else its text."""
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except binascii.Error:
            pass
    return secret.encode()
