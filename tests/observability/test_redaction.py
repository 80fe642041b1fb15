"""What looks like a secret is hidden, what is harmless stays readable."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.observability.logging.console import ConsoleRenderer
from signalbot.observability.logging.json_lines import JsonRenderer
from signalbot.observability.logging.redaction import Redaction, is_secret_name
from signalbot.observability.logging.secrets import SecretRegistry

CANARY = "cAnArY7Value93xQ"
NAMES = (
    "apiKey", "api_key", "API-KEY", "X-MBX-APIKEY", "OK-ACCESS-KEY", "OK-ACCESS-SIGN",
    "OK-ACCESS-PASSPHRASE", "KC-API-SIGN", "X-BAPI-SIGN", "signature", "sign", "secret",
    "clientSecret", "secret_key", "password", "passwd", "pwd", "passphrase", "privateKey", "token",
    "bot_token", "access_token", "listenKey", "authorization", "Authorization", "Cookie",
    "mnemonic",
)  # fmt: skip


def clean(text: str) -> str:
    return Redaction(SecretRegistry()).redact(text)


@given(
    st.sampled_from(NAMES),
    st.sampled_from(["=", ": ", " = ", ":", '":"', "': '", '": "', r"\": \"", " : "]),
    st.sampled_from(["", "x ", "GET https://x/v1?a=1&", "{'a': 1, '", '{"', "headers "]),
    st.sampled_from(["", " and more", "&timestamp=1", '"}', "'}", ", next", "\n"]),
)
def test_what_is_given_under_a_secret_name_is_hidden(
    name: str, given_by: str, before: str, after: str
) -> None:
    """In URLs, headers, dictionaries, JSON and prose."""
    text = f"{before}{name}{given_by}{CANARY}{after}"
    is_reference = name == "secret" and given_by == ":"
    assert (CANARY in clean(text)) is is_reference


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {CANARY}",
        f"authorization=Basic {CANARY}==",
        f"bearer {CANARY} was refused",
        f"https://api.telegram.org/bot123456789:AA{CANARY * 2}/sendMessage",
        f"tgram://123456789:AA{CANARY * 2}/42",
        f"mailto://user:{CANARY}@example.org",
        f"POST /hooks/tradingview/{CANARY} 404",
        f"https://discord.com/api/webhooks/1234/{CANARY}",
        f"https://hooks.slack.com/services/T0/B0/{CANARY}",
        f"openai refused sk-proj-{CANARY}",
        f"action 'sbt_{CANARY}' is none of the words that are known",
        f"ticket eyJhbGciOiJIUzI1NiJ9.{CANARY}.{CANARY}",
        f"-----BEGIN EC PRIVATE KEY-----\nAAAA{CANARY}\n-----END EC PRIVATE KEY-----",
        f"{{'secret': b'{CANARY}', 'n': 1}}",
        f'{{"password": "with \\"quotes\\" and {CANARY}"}}',
        f'{{"apiKey": "cut off {CANARY}',
        f"secret=SecretStr('{CANARY}')",
    ],
)
def test_texts_that_look_like_secrets_are_masked(text: str) -> None:
    """Each of these was seen in a real message."""
    assert CANARY not in clean(text)
    assert "***" in clean(text)


@pytest.mark.parametrize(
    "text",
    [
        "insufficient balance: needs 12.5 USDT, has 3",
        "signal_id=sig_0123456789abcdef action=LONG",
        "BTC/USDT:USDT at 14:35:00.123",
        "used 512 tokens, max_tokens=800",
        '"secret:alice-telegram" is not in the vault',
        "the design was assigned to key accounts",
        "Signature for this request is not valid.",
        "https://fapi.binance.com/fapi/v1/order?symbol=BTCUSDT",
        "/opt/services/signalbot/main.py",
    ],
)
def test_harmless_texts_stay_readable(text: str) -> None:
    """Redaction that eats ordinary words would be turned off."""
    assert clean(text) == text


@pytest.mark.parametrize("word", ["sbt_" + "x" * 43, "eyJ" + "x" * 8, "eyJ" + "x" * 40])
def test_a_word_that_is_a_secret_by_its_shape_is_not_harmless(word: str) -> None:
    """Though nothing else stands in the text."""
    redaction = Redaction(SecretRegistry())
    assert not redaction.is_harmless(word)
    assert redaction.redact(word) == "***"


@given(st.from_regex(r"\w{1,40}|[\w.+-]{1,14}", fullmatch=True), st.text(min_size=6, max_size=9))
def test_the_quick_way_agrees_with_the_thorough_one(text: str, secret: str) -> None:
    """What is called harmless is what cleaning would leave alone."""
    secrets = SecretRegistry()
    secrets.add(secret)
    redaction = Redaction(secrets)
    if redaction.is_harmless(text):
        assert redaction.redact(text) == text


@pytest.mark.parametrize("name", NAMES)
def test_facts_that_name_a_secret_are_hidden(name: str) -> None:
    """By their name alone, whatever the value and however deep it lies."""
    facts = {"event": "x", name: CANARY, "nested": {"inner": [{name: CANARY}]}}
    redaction = Redaction(SecretRegistry())
    for lines in (ConsoleRenderer(lambda: 0, redaction), JsonRenderer(lambda: 0, redaction)):
        line = lines(None, "info", dict(facts))
        assert CANARY not in line
        assert line.count("***") == 2


def test_ordinary_facts_do_not_name_a_secret() -> None:
    """Names the daemon logs every second are never taken for one."""
    names = ("signal_id", "user_id", "symbol", "tokens", "max_tokens", "key", "assigned", "sizing")
    assert not [name for name in names if is_secret_name(name)]


@pytest.mark.parametrize("renderer", [ConsoleRenderer, JsonRenderer])
def test_a_cached_text_is_masked_once_it_is_registered(
    renderer: type[ConsoleRenderer] | type[JsonRenderer],
) -> None:
    """What was remembered as clean is forgotten when a secret is added."""
    secrets = SecretRegistry()
    lines = renderer(lambda: 0, Redaction(secrets))
    facts = {"event": "x", "user_id": CANARY, "why": CANARY, CANARY: 1}
    assert lines(None, "info", dict(facts)).count(CANARY) == 3
    secrets.add(CANARY)
    assert CANARY not in lines(None, "info", dict(facts))
