"""Dashboard, alert rules and manual name metrics that exist, and all of them."""

import json
import re

from signalbot.manual.pages import manual_pages
from signalbot.manual.tables import TABLES
from signalbot.metrics import dashboard
from signalbot.metrics.registry import MetricRegistry, exposed_metrics

FROM_ELSEWHERE = {"up", "process_resident_memory_bytes"}
WORDS = re.compile(r"\b(?:signalbot|process)_[a-z_]+\b")


def _scraped() -> set[str]:
    """Every name a query may use; a histogram has three."""
    names: set[str] = set()
    for name, family in exposed_metrics(MetricRegistry()).items():
        parts = ("_bucket", "_sum", "_count") if family.type == "histogram" else ("",)
        names |= {f"{name}{part}" for part in parts}
    return names


def _asked(expressions: list[str]) -> set[str]:
    return {name for each in expressions for name in WORDS.findall(each)}


def _panels() -> list[str]:
    panels = json.loads(dashboard.dashboard())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


def _rules() -> list[str]:
    """Expressions of the rules: one line each, or the indented lines that follow ``>-``."""
    found = re.findall(r"expr: (?:>-\n((?: {10}.*\n)+)|(.*)\n)", dashboard.alerts())
    return [folded or plain for folded, plain in found]


def test_every_panel_shows_metrics_that_exist() -> None:
    """A renamed metric would leave an empty panel that nobody notices."""
    assert len(_panels()) > 20
    assert _asked(_panels()) - FROM_ELSEWHERE <= _scraped()


def test_every_rule_watches_metrics_that_exist() -> None:
    """A rule over a metric that is gone never fires."""
    assert len(_rules()) == dashboard.alerts().count("- alert: ")
    assert _asked(_rules()) - FROM_ELSEWHERE <= _scraped()
    assert "signalbot_longest_unprotected_seconds" in _asked(_rules())


def test_every_metric_is_on_the_dashboard() -> None:
    """What is measured can be seen."""
    shown = _asked(_panels())
    assert {
        name
        for name in exposed_metrics(MetricRegistry())
        if not any(each.startswith(name) for each in shown)
    } == set()


def test_every_alert_is_named_once_and_says_what_is_wrong() -> None:
    """Whoever is woken reads the summary."""
    names = re.findall(r"- alert: (\w+)", dashboard.alerts())
    assert len(set(names)) == len(names) == dashboard.alerts().count("summary: ")


def test_every_metric_is_explained_in_the_manual() -> None:
    """Page ``metrics``, with type and meaning."""
    page = manual_pages()["metrics"].render(TABLES)
    for name in exposed_metrics(MetricRegistry()):
        assert f"| `{name}` |" in page
