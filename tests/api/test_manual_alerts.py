"""Every body of the manual's pages about webhooks does what the page says beside it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files

import pytest

from signalbot.cli.control.webhook import signal_line
from tests.api.api_daemon import CONFIG, Daemon, daemon

pytestmark = [pytest.mark.process, pytest.mark.timeout(120), pytest.mark.xdist_group("api-manual")]

_MANUAL = files("signalbot") / "manual"
_BLOCK = re.compile(r"```(json|text|form)\n(.*?)\n```\n\n((?:- [^\n]*\n)+)", re.DOTALL)
_POSTED = re.compile(r"```(?:json|text|form)\n")
_FILLED = re.compile(r"`(\{\{[^`]+\}\})` `([^`]*)`")
_TYPES = {
    "json": "application/json",
    "text": "text/plain",
    "form": "application/x-www-form-urlencoded",
}
_USUAL = {
    "{{ticker}}": "BTCUSDT.P",
    "{{exchange}}": "BYBIT",
    "{{interval}}": "15",
    "{{close}}": "63000",
    "{{strategy.order.price}}": "63000",
    "{{strategy.order.id}}": "Long",
    "{{strategy.order.comment}}": "Long",
    "{{strategy.order.contracts}}": "1",
    "{{strategy.market_position_size}}": "1",
    "{{strategy.prev_market_position_size}}": "0",
}


@dataclass(frozen=True)
class Example:
    """One body, how its placeholders are filled, and what the page says of it."""

    page: str
    language: str
    body: str
    line: str

    @property
    def filled(self) -> str:
        text = self.body
        for name, value in dict(_FILLED.findall(self.line)).items():
            text = text.replace(name, value)
        text = text.replace("{{timenow}}", datetime.now(UTC).isoformat())
        for name, value in _USUAL.items():
            text = text.replace(name, value)
        return text

    @property
    def readings(self) -> list[str]:
        return re.findall(r"\*\*(.+?)\*\*", self.line)


def _pages() -> list[str]:
    names = sorted(page.name for page in _MANUAL.iterdir())
    return [name for name in names if re.fullmatch(r"webhooks(-\w+)?\.md", name)]


def _examples() -> Iterator[Example]:
    for page in _pages():
        text = (_MANUAL / page).read_text()
        for language, body, lines in _BLOCK.findall(text):
            for line in lines.splitlines():
                yield Example(page, language, body, line)


EXAMPLES = list(_examples())


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon with the source of the pages, whose price stands at 63000."""
    text = CONFIG.replace("price = 60000", "price = 63000").replace(
        "annual_volatility_percent = 5", "annual_volatility_percent = 0.000001"
    )
    text += '[strategies.tv]\nkind = "webhook"\nexchange = "sim"\n'
    text += 'symbols = ["BTC/USDT:USDT", "ETH/USDT:USDT"]\n'
    with daemon(tmp_path_factory.mktemp("daemon"), text=text, rate=1000) as each:
        yield each


@pytest.mark.parametrize(
    "example", EXAMPLES, ids=[f"{each.page}-{number}" for number, each in enumerate(EXAMPLES)]
)
def test_a_body_of_the_manual_does_what_its_page_says(running: Daemon, example: Example) -> None:
    """As a dry run: its signals with their levels, or why it is refused."""
    answer = running.admin().post(
        "/hooks/tv?dry_run=1",
        content=example.filled,
        headers={"Content-Type": _TYPES[example.language]},
    )
    [first, *_] = example.readings
    if first.startswith("refused: "):
        assert answer.status_code == 422, answer.text
        assert first.removeprefix("refused: ") in answer.json()["detail"]
        return
    assert answer.status_code == 200, answer.text
    found = [signal_line(each) for each in answer.json()["signals"]]
    assert found == ([] if first == "nothing" else example.readings)


@pytest.mark.parametrize("page", _pages())
def test_every_body_of_a_page_says_how_it_is_read(page: str) -> None:
    """None is only printed; and a page stays short enough to be read."""
    text = (_MANUAL / page).read_text()
    assert len(_POSTED.findall(text)) == len(_BLOCK.findall(text))
    assert len(text.splitlines()) <= 350
