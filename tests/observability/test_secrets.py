"""Known values are found wherever they lie, and nothing else is."""

import json

from hypothesis import given
from hypothesis import strategies as st

from signalbot.observability.logging.secrets import MASK, SecretRegistry

values = st.text(min_size=6, max_size=80).filter(lambda value: len(value.strip()) >= 6)
one_line = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=6, max_size=80
).filter(lambda value: len(value.strip()) >= 6)


def knowing(*secrets: str) -> SecretRegistry:
    registered = SecretRegistry()
    for secret in secrets:
        registered.add(secret)
    return registered


@given(values, st.text(), st.text())
def test_a_secret_is_hidden_wherever_it_lies(secret: str, before: str, after: str) -> None:
    """Every position, every neighbour, every length from six characters up."""
    hidden = knowing(secret).mask(f"{before}{secret}{after}")
    assert secret.strip() not in hidden.replace(MASK, "")


@given(st.lists(values, min_size=1, max_size=30), st.text(), st.randoms())
def test_each_of_many_secrets_is_hidden(secrets: list[str], text: str, random: object) -> None:
    """Secrets with a common beginning are all masked."""
    registered = knowing(*secrets)
    for secret in secrets:
        assert registered.mask(f"{text}|{secret.strip()}|") != f"{text}|{secret.strip()}|"


@given(one_line)
def test_a_secret_is_hidden_in_its_escaped_forms_too(secret: str) -> None:
    """As Python shows it, as JSON has it, as a URL carries it."""
    from urllib.parse import quote

    registered = knowing(secret)
    stripped = secret.strip()
    for form in (repr(stripped), ascii(stripped), json.dumps(stripped), quote(stripped)):
        assert MASK in registered.mask(f"body={form} end")


@given(st.lists(values, max_size=10), st.text())
def test_texts_without_a_secret_stay_as_they_are(secrets: list[str], text: str) -> None:
    """Pieces that only look like the beginning of a secret do no harm."""
    registered = knowing(*(f"{secret}\x00never in a text" for secret in secrets))
    harmless = text.replace("\x00", "")
    lines = {line.strip() for secret in secrets for line in secret.splitlines()}
    if not any(line and line in harmless for line in lines):
        assert registered.mask(harmless) == harmless


def test_of_a_value_of_several_lines_each_line_is_hidden() -> None:
    """A private key is recognised when a traceback has indented it."""
    key = "-----BEGIN KEY-----\nMHcCAQEEICanary1\nAwEHoUQDQgCanary2\n-----END KEY-----\n"
    hidden = knowing(key).mask("failed with\n    MHcCAQEEICanary1\n    AwEHoUQDQgCanary2")
    assert hidden == f"failed with\n    {MASK}\n    {MASK}"


def test_a_secret_within_a_secret_leaves_nothing_behind() -> None:
    """The longer one is replaced first."""
    assert knowing("abcdef", "abcdef-and-then-some-more").mask(
        "x abcdef-and-then-some-more abcdef"
    ) == (f"x {MASK} {MASK}")


def test_values_too_short_to_hide_are_ignored() -> None:
    """Hiding ``"1"`` would hide every price."""
    assert knowing("12345", "", "\n").mask("price 12345") == "price 12345"
