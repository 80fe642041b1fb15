"""The page stands alone, and whatever is written on it stays text."""

import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from signalbot.domain.errors import ConfigError
from signalbot.domain.positions import Position
from signalbot.domain.signals import SignalId
from signalbot.domain.timeframe import Ms
from signalbot.domain.users import UserId
from signalbot.replay.report.html import write_report
from tests.replay.report_fixtures import (
    ALICE,
    HOUR,
    START,
    closed_position,
    curve_of,
    flat_candles,
    history_of,
    open_position,
    summary_of,
)

pytest.importorskip("plotly", reason="the optional extra 'report' is not installed")

EVIL = "</script><script>alert('x')</script><img src=http://evil.example/x onerror=alert(1)>"


class Elements(HTMLParser):
    """Every element of a page with its attributes, and the text of each script and style."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.found and self.found[-1][0] in ("script", "style"):
            self.texts.append((self.found[-1][0], data))


def page_of(
    folder: Path, *positions: Position, reasons: dict[SignalId, str] | None = None, **coverage: Any
) -> str:
    """The page of a replay in which alice made these trades."""
    history = history_of(positions, reasons=reasons, refusals={ALICE: {"COOLDOWN": 2}})
    equity = {ALICE: curve_of([10_000, 10_030])}
    summary = summary_of(history, equity, **coverage)
    path = folder / "report.html"
    write_report(path, summary, history=history, equity=equity, prices=flat_candles(48))
    return path.read_text()


def drawn_on(page: str) -> dict[str, Any]:
    """What the page's own script is given to draw."""
    found = re.search(r'<script type="application/json" id="drawn">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    drawn: dict[str, Any] = json.loads(found[1])
    return drawn


def test_the_page_loads_nothing(tmp_path: Path) -> None:
    """No element, style or policy reaches beyond the file."""
    page = page_of(tmp_path, closed_position())
    elements = Elements(page)
    for tag, attributes in elements.found:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert (attributes.get(name) or "data:").startswith(("data:", "#")), (tag, attributes)
    for tag, text in elements.texts:
        assert tag != "style" or not re.search(r"@import|url\(", text)
    policies = [
        attributes["content"]
        for tag, attributes in elements.found
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert len(policies) == 1
    assert str(policies[0]).startswith("default-src 'none';")
    assert "http" not in str(policies[0])


def test_charts_are_never_sent_anywhere(tmp_path: Path) -> None:
    """Plotly offers to upload a chart; this page does not."""
    page = page_of(tmp_path, closed_position())
    assert 'showSendToCloud: false, plotlyServerURL: ""' in page
    assert "sendChartToCloud" not in page.rpartition("<script>")[2]


def test_what_others_wrote_stays_text(tmp_path: Path) -> None:
    """A symbol, a strategy or a reason cannot add an element to the page."""
    harmless = Elements(page_of(tmp_path, closed_position()))
    evil = Elements(
        page_of(
            tmp_path,
            closed_position(user_id=ALICE, signal_id=SignalId("sig_evil")),
            reasons={SignalId("sig_evil"): EVIL},
            symbol=f"BTC/{EVIL}",
            dropped={EVIL: 3},
        )
    )
    extra = [tag for tag, _ in evil.found if tag not in {tag for tag, _ in harmless.found}]
    assert extra == []
    scripts = [[tag for tag, _ in page.found].count("script") for page in (harmless, evil)]
    assert scripts == [3, 3]
    assert not any("onerror" in attributes for _, attributes in evil.found)


def test_reasons_reach_the_page_whole(tmp_path: Path) -> None:
    """Escaping changes how they are written, not what they say."""
    page = page_of(
        tmp_path,
        closed_position(signal_id=SignalId("sig_evil")),
        reasons={SignalId("sig_evil"): EVIL},
    )
    (trade,) = drawn_on(page)["trades"]
    assert trade["cells"][-1] == EVIL


def test_the_page_tells_what_was_replayed(tmp_path: Path) -> None:
    """Symbol, period, results, refusals, exits and strategies can be read without a script."""
    page = page_of(tmp_path, closed_position("30"), open_position(opened_at_ms=Ms(START + HOUR)))
    for told in (
        "<h1>Replay of BTC/USDT:USDT</h1>",
        "2022-01-01 00:00 to 2022-01-11 00:00 UTC · 10d 0h of 1h candles",
        "<td class=word>alice</td><td class=word>paper</td><td>1</td>",
        "<td class=gain>+30.00</td>",
        "<td class=word>COOLDOWN</td><td>2</td>",
        "<td class=word>TAKE_PROFIT</td>",
        "<td class=word>ema_cross</td>",
        "<dt>Still open</dt><dd>1</dd>",
        "<summary>More numbers</summary>",
        "<td class=word>alice</td><td>10,000.00</td><td class=gain>+30.00</td>",
        "<h2>Assumptions</h2>",
        "Made with signalbot ",
    ):
        assert told in page


def test_what_is_missing_is_noted(tmp_path: Path) -> None:
    """Bad rows and gaps are told where the results are."""
    page = page_of(
        tmp_path,
        dropped={"high below low": 3, "duplicate": 1},
        gaps=2,
        missing=1234,
        notes=("rows of '<ETH>' are left out",),
    )
    assert "Rows of &#x27;&lt;ETH&gt;&#x27; are left out." in page
    assert "dropped from the file: 3 high below low, 1 duplicate." in page
    assert "1,234 candles are missing, in 2 gaps." in page
    assert "class=note" not in page_of(tmp_path)


def test_the_script_is_given_what_it_draws(tmp_path: Path) -> None:
    """Period, currency, curves, candles and trades."""
    drawn = drawn_on(page_of(tmp_path, closed_position("30")))
    assert (drawn["start_ms"], drawn["end_ms"], drawn["quote"]) == (
        START,
        START + 240 * HOUR,
        "USDT",
    )
    assert [curve["user"] for curve in drawn["curves"]] == [ALICE]
    assert len(drawn["bars"]["i"]) == 48
    assert len(drawn["columns"]) == len(drawn["trades"][0]["cells"])


def test_the_script_finds_what_it_looks_for(tmp_path: Path) -> None:
    """Every element and column it names is on the page."""
    page = page_of(tmp_path)
    script = page.rpartition("<script>")[2]
    ids = {attributes.get("id") for _, attributes in Elements(page).found}
    assert set(re.findall(r'\$\("([\w-]+)"\)', script)) <= ids
    named = re.search(r"WORDS = new Set\(\[(.*?)\]\)", script)
    assert named is not None
    assert set(re.findall(r'"([^"]+)"', named[1])) <= set(drawn_on(page)["columns"])
    assert "Net PnL" in drawn_on(page)["columns"]


def test_a_replay_without_trades_has_a_page(tmp_path: Path) -> None:
    """And one in which nobody had an account, too."""
    assert drawn_on(page_of(tmp_path))["trades"] == []
    history = history_of(users=[UserId("told")])
    path = tmp_path / "told.html"
    write_report(path, summary_of(history), history=history, equity={}, prices=flat_candles(1))
    assert drawn_on(path.read_text())["curves"] == []


def test_a_page_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """With the reason the system gives."""
    history = history_of()
    with pytest.raises(ConfigError, match=r"report\.html: .* No such file"):
        write_report(
            tmp_path / "missing" / "report.html",
            summary_of(history),
            history=history,
            equity={},
            prices=flat_candles(1),
        )


def test_without_plotly_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is optional, so its absence must say what to install."""
    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(ConfigError, match=r"pip install 'signalbot\[report\]'"):
        page_of(tmp_path)
