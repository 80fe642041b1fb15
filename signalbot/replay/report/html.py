"""Renders the report to a self-contained web page."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from itertools import chain
from pathlib import Path
from string import Template
from typing import Any, Final

from signalbot.domain.errors import ConfigError
from signalbot.domain.market import Candle
from signalbot.domain.users import UserId
from signalbot.ledger.history import LedgerHistory
from signalbot.replay.report import charts, formatting
from signalbot.replay.report.equity import Curve
from signalbot.replay.report.summary import ReportTable, Summary, UserReport, tables

_TEXT_COLUMNS: Final = frozenset(
    ("User", "Mode", "Code", "Closed by", "Reason", "Strategy", "Kind")
)
"""Text columns; all others are numbers, aligned right."""

_SIGNED: Final = {"+": "gain", "-": "loss"}


def write_report(
    path: Path,
    summary: Summary,
    *,
    history: LedgerHistory,
    equity: Mapping[UserId, Curve],
    prices: Sequence[Candle],
) -> None:
    """Write the page to ``path``, replacing an existing file.

    ``summary`` is computed from ``history`` and ``equity``; ``prices`` are the candles replayed (at
    least one).

    Raises:
        ConfigError: Plotly is not installed, or the file cannot be written.
    """
    page = _render_page(
        summary,
        library=plotly_library(),
        drawn={
            "start_ms": summary.coverage.start_ms,
            "end_ms": summary.coverage.end_ms,
            "quote": _quote(summary.coverage.symbol),
            "curves": charts.draw_curves(summary, equity),
            "bars": charts.draw_bars(prices),
            "columns": charts.COLUMNS,
            "trades": charts.draw_trades(
                list(chain.from_iterable(history.positions.values())), history.reasons
            ),
        },
    )
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as e:
        raise ConfigError(f"{path}: the report cannot be written: {e.strerror}") from e


def plotly_library() -> str:
    """Return Plotly's script; call it before a long replay that needs it.

    Raises:
        ConfigError: Plotly is not installed.
    """
    try:
        from plotly.offline import get_plotlyjs  # noqa: PLC0415 - an optional extra, and slow
    except ImportError as e:
        raise ConfigError(
            "an HTML report needs Plotly, which is not installed: pip install 'signalbot[report]'"
        ) from e
    library: str = get_plotlyjs()
    return library


def _render_page(summary: Summary, *, library: str, drawn: dict[str, Any]) -> str:
    results, *others = tables(summary)
    return Template(_read_template("report.html")).substitute(
        symbol=escape(summary.coverage.symbol),
        period=escape(_period(summary)),
        facts=_facts(summary),
        notes="".join(f"<p class=note>{escape(note)}</p>" for note in _notes(summary, drawn)),
        results=_table(results),
        details=_table(details_table(summary)),
        others="".join(map(_section, [*others, strategies_table(summary)]))
        + _assumptions_html(summary),
        style=_read_template("report.css"),
        script=_read_template("report.js"),
        library=library,
        drawn=_script_safe(drawn),
    )


def _read_template(name: str) -> str:
    return files(__package__).joinpath("page", name).read_text(encoding="utf-8")


def _script_safe(value: object) -> str:
    """Encode JSON that cannot close the surrounding script element."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c")


def _quote(symbol: str) -> str:
    """Return the quote currency: ``USDT`` of ``BTC/USDT:USDT``; empty if unknown."""
    return symbol.partition("/")[2].partition(":")[0]


def _period(summary: Summary) -> str:
    covered = summary.coverage
    start, end = (
        formatting.format_minute(covered.start_ms),
        formatting.format_minute(covered.end_ms),
    )
    length = formatting.format_duration(covered.end_ms - covered.start_ms)
    return f"{start} to {end} UTC · {length} of {covered.timeframe} candles"


def _facts(summary: Summary) -> str:
    speed = summary.candles_per_s
    facts = {
        "Candles": f"{summary.coverage.candles:,}",
        "Candles/s": formatting.NO_VALUE if speed is None else f"{speed:,.0f}",
        "Signals": f"{sum(each.signals for each in summary.strategies):,}",
        "Users": f"{len(summary.users):,}",
        "Trades": f"{sum(user.metrics.trades for user in summary.users):,}",
        "Still open": f"{sum(user.open_positions for user in summary.users):,}",
    }
    return "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts.items())


def _notes(summary: Summary, drawn: Mapping[str, Any]) -> list[str]:
    """Return notes about data that the page does not show."""
    covered, notes = summary.coverage, []
    if covered.dropped:
        faults = ", ".join(f"{count:,} {fault}" for fault, count in covered.dropped.items())
        notes.append(f"Rows dropped from the file: {faults}.")
    notes += [f"{note[:1].upper()}{note[1:]}." for note in covered.notes]
    if covered.gaps:
        notes.append(f"{covered.missing:,} candles are missing, in {covered.gaps:,} gaps.")
    curves, sampled = len(drawn["curves"]), len(summary.users)
    if curves == charts.MAX_CURVES < sampled:
        notes.append(f"Curves show the {curves} users with the largest change of equity.")
    trades = sum(user.metrics.trades + user.open_positions for user in summary.users)
    if trades > len(drawn["trades"]):
        notes.append(f"The newest {len(drawn['trades']):,} of {trades:,} trades are shown.")
    return notes


def _assumptions_html(summary: Summary) -> str:
    """Render the assumptions and the software versions."""
    sentences = "".join(f"<li>{escape(each)}</li>" for each in summary.assumptions)
    made_with = ", ".join(f"{name} {number}" for name, number in summary.versions.items())
    return (
        f"<section><h2>Assumptions</h2><ul>{sentences}</ul>"
        f"<p>Made with {escape(made_with)}.</p></section>"
    )


def _section(table: ReportTable) -> str:
    width = "" if "Reason" in table.header else " class=half"
    return f"<section{width}><h2>{escape(table.title)}</h2>{_table(table)}</section>"


def _table(table: ReportTable) -> str:
    text_columns = [name in _TEXT_COLUMNS for name in table.header]
    rows = "".join(f"<tr>{_cells('td', row, text_columns)}</tr>" for row in table.rows)
    return (
        f'<div class="wide"><table><thead><tr>{_cells("th", table.header, text_columns)}'
        "</tr></thead>"
        f"<tbody>{rows}</tbody></table></div>"
    )


def _cells(tag: str, texts: Sequence[str], text_columns: Sequence[bool]) -> str:
    return "".join(
        f"<{tag}{_cell_class(text, is_text=is_text)}>{escape(text)}</{tag}>"
        for text, is_text in zip(texts, text_columns, strict=True)
    )


def _cell_class(cell: str, *, is_text: bool) -> str:
    """Return the CSS class of a cell: text, gain, loss, or none for a plain number."""
    if is_text:
        return " class=word"
    sign = _SIGNED.get(cell[:1]) if len(cell) > 1 else None
    return f" class={sign}" if sign else ""


def details_table(summary: Summary) -> ReportTable:
    """What the results leave out: balances, the typical and the worst, and when it was worst."""
    header = [
        "User", "Start", "Closed PnL", "Gross PnL", "Funding", "Per trade", "Best", "Worst",
        "Loss streak", "Sortino", "Max DD", "From", "To", "Recovered",
    ]  # fmt: skip
    return ReportTable("Details", header, [_detail_row(user) for user in summary.users])


def strategies_table(summary: Summary) -> ReportTable:
    """How often each strategy ran, and what came of it."""
    header = ["Strategy", "Kind", "Timeframe", "Runs", "Signals", "Failed runs"]
    rows = [
        [
            each.name,
            each.kind,
            each.timeframe,
            f"{each.runs:,}",
            f"{each.signals:,}",
            f"{each.failed_runs:,}",
        ]
        for each in summary.strategies
    ]
    return ReportTable("Strategies", header, rows)


def _detail_row(user: UserReport) -> list[str]:
    metrics, fall = user.metrics, user.metrics.max_drawdown
    dated = fall if fall and fall.quote else None
    return [
        user.user_id,
        formatting.format_money(user.start_equity),
        formatting.format_profit(metrics.net_pnl),
        formatting.format_profit(metrics.gross_pnl),
        formatting.format_profit(metrics.funding),
        formatting.format_profit(metrics.expectancy),
        formatting.format_profit(metrics.best),
        formatting.format_profit(metrics.worst),
        str(metrics.max_consecutive_losses),
        formatting.format_ratio(metrics.sortino),
        formatting.format_money(fall.quote if fall else None),
        formatting.format_minute(dated.peak_ms if dated else None),
        formatting.format_minute(dated.trough_ms if dated else None),
        formatting.format_minute(dated.recovered_ms if dated else None),
    ]
