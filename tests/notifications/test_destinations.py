"""Destinations: what of their URLs is secret, and which of them can be silent."""

import pytest

from signalbot.notifications.destinations import Destination, UnknownDestination, url_secrets


@pytest.mark.parametrize(
    ("url", "hidden", "harmless"),
    [
        (
            "tgram://123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw/98765432",
            {"123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw", "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"},
            {"tgram"},
        ),
        ("mailto://anna:pass%20word@mail.example.com", {"pass word"}, {"anna", "mail.example.com"}),
        ("ntfy://my-quiet-topic", {"my-quiet-topic"}, set()),
        ("jsons://host.example.com/signals?+Auth=Abc12345", {"Abc12345"}, {"signals"}),
    ],
)
def test_possible_tokens_are_secret_and_plain_text_is_not(
    url: str, hidden: set[str], harmless: set[str]
) -> None:
    """Masking every word of a URL would blacken half the log."""
    found = set(url_secrets(url))
    assert hidden | {url} <= found
    assert not harmless & found


def test_a_message_fits_the_service() -> None:
    """Discord takes 2,000 characters, Telegram 4,096: we stay below."""
    discord = Destination("discord://12345678901234567/AbcdefghijklmnopqrstuvwxyzABCDEFGHIJ")
    telegram = Destination("tgram://123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw12/98765432")
    assert discord.capacity <= 2_000 < telegram.capacity < 4_096


@pytest.mark.parametrize("url", ["nonsense://hush/hush", "tgram://hush"])
def test_an_unsupported_url_is_rejected_without_showing_it(url: str) -> None:
    """The scheme is enough to find it."""
    with pytest.raises(UnknownDestination) as caught:
        Destination(url)
    assert str(caught.value) == f"apprise cannot send to this {url.partition(':')[0]}:// URL"
