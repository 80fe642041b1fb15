"""Untrusted text becomes a single line without markup for any service."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signalbot.notifications.untrusted_text import MAX_LENGTH, sanitized

anything = st.text(max_size=200) | st.lists(
    st.sampled_from(
        ["@everyone", "<@1>", "<!channel>", "<#2>", "http://", "evil.example", "[a](b)", "**", "__",
         "`", "||", "~~", "\n", "\r", "\u202e", "\u200b", "#", ">", "t.me/x", "\\", "_a_", "\x1b["]
    ),
    max_size=20,
).map("".join)  # fmt: skip


@given(anything)
def test_it_is_one_line_without_markup_mentions_or_links(text: str) -> None:
    """Whatever it was."""
    line = sanitized(text)
    assert len(line) <= MAX_LENGTH
    assert line.isprintable()
    assert not set(line) & set("@<>*~|`#\\")
    assert "://" not in line
    assert not re.search(r"[^\W_]\.[^\W\d_]", line)
    assert not re.search(r"\]\(", line)
    assert not re.search(r"(?<!\w)_\w|\w_(?!\w)", line)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("EMA 9 crossed above EMA 21", "EMA 9 crossed above EMA 21"),
        ("rsi_14 = 28.5, -1.25 % below ema_200", "rsi_14 = 28.5, -1.25 % below ema_200"),
        ("Margin is insufficient. (-2019)", "Margin is insufficient. (-2019)"),
        ("see https://evil.example/x", "see https[:]//evil[.]example/x"),
        ("@everyone\nbuy now", "\N{FULLWIDTH COMMERCIAL AT}everyone buy now"),
        ("<!channel> **now**", "\u2039!channel\u203a \u2217\u2217now\u2217\u2217"),
        ("[free](t.me/x)", "(free)(t[.]me/x)"),
    ],
)
def test_it_stays_readable(text: str, line: str) -> None:
    """What means nothing to a service is left as it is."""
    assert sanitized(text) == line


def test_a_long_text_is_cut() -> None:
    """With a sign that it was."""
    assert sanitized("a" * 100_000, max_length=20) == "a" * 19 + "…"
