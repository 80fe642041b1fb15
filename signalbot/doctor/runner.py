"""The examinations, in the order of their report. A new one is a module, and a line here."""

from collections.abc import Callable, Iterator, Mapping

from signalbot.doctor.checks import (
    api,
    archives,
    backups,
    clock,
    configuration,
    disk,
    exchanges,
    ledger,
    permissions,
    service,
    strategies,
    streams,
    trading,
    vault,
)
from signalbot.doctor.finding import Finding, problem
from signalbot.doctor.installation import Installation
from signalbot.domain.errors import SignalbotError

Check = Callable[[Installation], Iterator[Finding]]
"""Looks at one thing and changes nothing. What it cannot look at, it may leave out or raise."""

CHECKS: Mapping[str, Check] = {
    "configuration": configuration.check,
    "permissions": permissions.check,
    "vault": vault.check,
    "ledger": ledger.check,
    "disk": disk.check,
    "backups": backups.check,
    "archives": archives.check,
    "clock": clock.check,
    "exchanges": exchanges.check,
    "service": service.check,
    "api": api.check,
    "streams": streams.check,
    "trading": trading.check,
    "strategy files": strategies.check,
}


def run_checks(installation: Installation) -> Iterator[Finding]:
    """What every examination finds; one that cannot be carried out is a finding itself."""
    for name, check in CHECKS.items():
        try:
            yield from check(installation)
        except (SignalbotError, OSError) as e:
            yield problem(name, f"cannot be examined: {e}", "cure the cause, then ask again")
