"""Tables of the manual, rendered from the code they describe."""

import inspect
import json
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from importlib import import_module
from importlib.resources import files
from typing import Any, Final, get_type_hints

_HTTP_TABLE = ("Method", "Path", "What it does")


def markdown_table(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    """A table in Markdown."""
    lines = [list(columns), ["---"] * len(columns)]
    lines += [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _aliases() -> str:
    from signalbot.webhooks.aliases import aliases_table

    return aliases_table()


def _action_synonyms() -> str:
    from signalbot.webhooks.actions import action_synonyms_table

    return action_synonyms_table()


def _capabilities() -> str:
    from signalbot.exchange.live.capability_tables import capability_table

    return capability_table()


def _retention() -> str:
    from signalbot.exchange.live.capability_tables import retention_table

    return retention_table()


def _decision_codes() -> str:
    return _codes("decision")


def _execution_codes() -> str:
    return _codes("execution")


def _close_reasons() -> str:
    return _codes("closed position")


def _codes(kind: str) -> str:
    from signalbot.domain.code_catalog import CODES, codes_table

    return codes_table(CODES[kind])


def _example_config() -> str:
    from signalbot.config.example import example_text

    return f"```toml\n{example_text()}```"


def _events() -> str:
    from signalbot.domain.events import events_table

    return events_table()


def _examples() -> str:
    from signalbot import examples

    parts = []
    for folder, language in (("configs", "toml"), ("strategies", "python"), ("webhooks", "json")):
        parts.append(f"## {folder.capitalize()}")
        for each in sorted(files(examples).joinpath(folder).iterdir(), key=lambda each: each.name):
            if not each.name.startswith("__"):
                text = each.read_text(encoding="utf-8").rstrip()
                parts.append(f"### `{each.name}`\n\n```{language}\n{text}\n```")
    return "\n\n".join(parts)


def _limits() -> str:
    from signalbot.manual.limits import limits_table

    return limits_table()


def _metrics() -> str:
    from signalbot.metrics.registry import metrics_table

    return metrics_table()


def _notices() -> str:
    from signalbot.config.sections.notify import notices_table

    return notices_table()


def _routes() -> str:
    from signalbot.api import routes

    names = sorted(each.name for each in pkgutil.iter_modules(routes.__path__))
    modules = (import_module(f"{routes.__name__}.{name}") for name in names)
    rows = [row for module in modules for row in _operations(getattr(module, "routes", None))]
    rows.sort(key=lambda row: (row[1], row[0]))
    return markdown_table(_HTTP_TABLE, rows)


def _operations(router: Any) -> Iterator[tuple[str, str, str]]:
    for route in () if router is None else router.routes:
        does = (route.endpoint.__doc__ or "").strip().partition("\n")[0]
        for method in sorted(getattr(route, "methods", None) or {"WebSocket"}):
            yield method, f"`{route.path}`", does


def _strategies() -> str:
    from signalbot.strategies import KINDS

    return "\n\n".join(_strategy(kind, cls) for kind, cls in KINDS.items())


def _strategy(kind: str, strategy: type) -> str:
    params = getattr(sys.modules[strategy.__module__], f"{strategy.__name__}Params")
    types = get_type_hints(params, include_extras=True)
    rows = [
        (f"`{field.name}`", f"`{_toml(field.default)}`", _bounds(types[field.name]))
        for field in fields(params)
    ]
    about = inspect.getdoc(strategy)
    table = markdown_table(("Parameter", "Default", "Bounds"), rows)
    return f"### `{kind}`\n\n{about}\n\n{table}"


def _toml(value: Any) -> str:
    return "none" if value is None else json.dumps(value)


def _bounds(hint: Any) -> str:
    from signalbot.strategies.params import Requires

    return "; ".join(
        f"only with `{each.name}`" if isinstance(each, Requires) else str(each)
        for each in getattr(hint, "__metadata__", ())
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRow:
    """What one test of the fault suite measured, summed over its runs."""

    promise: str
    exchanges: str
    runs: int
    doubled_entries: int
    uncovered_at_end: int
    longest_without_stop_s: float
    lost_fills: int


FAULTS_FILE: Final = files("signalbot.manual").joinpath("faults.json")


def fault_rows() -> list[FaultRow]:
    """The last recorded run of the fault suite, in the order of the suite."""
    return [FaultRow(**row) for row in json.loads(FAULTS_FILE.read_text(encoding="utf-8"))]


def faults_json(rows: Iterable[FaultRow]) -> str:
    """What ``FAULTS_FILE`` contains for ``rows``."""
    return json.dumps([asdict(row) for row in rows], indent=1, ensure_ascii=False) + "\n"


def _faults() -> str:
    columns = (
        "Fault and promise", "Exchanges", "Runs", "Double entries", "Without stop at the end",
        "Longest without a stop", "Fills lost",
    )  # fmt: skip
    rows = (
        (
            each.promise,
            each.exchanges,
            each.runs,
            each.doubled_entries,
            each.uncovered_at_end,
            f"{each.longest_without_stop_s:.1f} s",
            each.lost_fills,
        )
        for each in fault_rows()
    )
    return markdown_table(columns, rows)


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "action-synonyms": _action_synonyms,
    "aliases": _aliases,
    "capabilities": _capabilities,
    "close-reasons": _close_reasons,
    "decision-codes": _decision_codes,
    "events": _events,
    "example-config": _example_config,
    "examples": _examples,
    "execution-codes": _execution_codes,
    "faults": _faults,
    "limits": _limits,
    "metrics": _metrics,
    "notices": _notices,
    "retention": _retention,
    "routes": _routes,
    "strategies": _strategies,
}
"""What renders each directive; every function imports what it describes when it is called."""
