"""Removes secrets from every output: registered values, and texts that look like a secret.

The patterns come from real messages: signed URLs in ccxt exceptions, request headers, bodies and
dictionaries printed by libraries, logins in URLs, bot tokens.
"""

import re

from signalbot.observability.logging.secrets import MASK, SecretRegistry

_NAME = (
    r"secret|passw(?:or)?d|passphrase|\bpwd|api[-_ ]?key|access[-_]?key|private[-_]?key"
    r"|listen[-_]?key|mnemonic|signature|(?<![a-z])sign(?![a-z])|cookie|authorization|token(?!s)"
)
_ASSIGNMENT = r"[\\\"']{0,3}\s{0,4}[:=]\s{0,4}"
#: Quoted or not, up to the next value; an unclosed quote hides the rest.
_VALUE = r"""(?:"(?:[^"\\]|\\.)*(?:"|\\?\Z)|'(?:[^'\\]|\\.)*(?:'|\\?\Z)|[^\s"'&,;)}\]])+"""
#: ``secret:NAME`` refers to a secret in the configuration: a name, not a value.
_REFERENCE = r"(?<![\w-])secret:\w"

_FLAGS = re.IGNORECASE | re.DOTALL | re.ASCII
_NAMES_SECRET = re.compile(_NAME, _FLAGS)
_SUBSTITUTIONS = tuple(
    (re.compile(pattern, _FLAGS), replacement)
    for pattern, replacement in (
        (r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*-----|\Z)", MASK),
        (rf"(authorization{_ASSIGNMENT})[^\r\n,;}}]+", rf"\1{MASK}"),
        (r"\b(bearer\s{1,4})[^\s\"',;]{8,}", rf"\1{MASK}"),
        (rf"(?!{_REFERENCE})((?:{_NAME})[\w-]{{0,24}}{_ASSIGNMENT}){_VALUE}", rf"\1{MASK}"),
        (r"(?<!\d)\d{6,}:[\w-]{30,}", MASK),  # a Telegram bot's token
        (r"sbt_[\w-]{16,}", MASK),  # a signalbot token
        (r"\bsk-[\w-]{16,}|\beyJ[\w-]{8,}(?:\.[\w-]+){0,2}", MASK),  # AI keys, JWTs
        (r"(://)[^\s/@\"']+@", rf"\1{MASK}@"),
        (r"(/(?:hooks|webhooks)/[^\s/\"'?]+/)[^\s\"'?/]{16,}", rf"\1{MASK}"),
        (r"(hooks\.slack\.com/services/)[^\s\"'?]+", rf"\1{MASK}"),
    )
)
#: Nothing above matches a text without one of these, and few texts have one.
_SECRET_MARKER = re.compile(
    r"secret|passw|passp|pwd|key|mnemonic|sign(?!al)|cookie|authori|token|bearer|\d:[\w-]{30}"
    r"|sbt_|sk-|eyj|@|hooks[./]",
    re.ASCII,
)
#: Nor does it match a word or a number, and most texts are one.
_PLAIN_WORD = re.compile(r"(?![\w.+-]*(?:sbt_|eyj))(?:\w+|[\w.+-]{1,12})", re.ASCII | re.IGNORECASE)


def is_secret_name(key: str) -> bool:
    """Whether a fact of this name has a secret value."""
    return _NAMES_SECRET.search(key) is not None


class Redaction:
    """Replaces secrets in texts with ``***``."""

    def __init__(self, secrets: SecretRegistry) -> None:
        self.secrets = secrets

    def is_harmless(self, text: str) -> bool:
        """Whether ``text`` is one ASCII word or number without a secret; a fast path."""
        return len(text) < self.secrets.shortest and _PLAIN_WORD.fullmatch(text) is not None

    def redact(self, text: str) -> str:
        """Return ``text`` with ``***`` for registered secrets and texts that look like one."""
        text = self.secrets.mask(text)
        if _SECRET_MARKER.search(text.lower()) is None:
            return text
        for pattern, replacement in _SUBSTITUTIONS:
            text = pattern.sub(replacement, text)
        return text
