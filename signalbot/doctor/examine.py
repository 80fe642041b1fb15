"""The examinations, in the order of their report. A new one is a module, and a line here."""

from collections.abc import Callable, Iterator, Mapping

from signalbot.doctor import (
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
    standing,
    strategies,
    streams,
    vault,
)
from signalbot.doctor.finding import Finding, problem
from signalbot.doctor.patient import Patient
from signalbot.domain.errors import SignalbotError

Examination = Callable[[Patient], Iterator[Finding]]
"""Looks at one thing and changes nothing. What it cannot look at, it may leave out or raise."""

EXAMINATIONS: Mapping[str, Examination] = {
    "configuration": configuration.examine,
    "permissions": permissions.examine,
    "vault": vault.examine,
    "ledger": ledger.examine,
    "disk": disk.examine,
    "backups": backups.examine,
    "archives": archives.examine,
    "clock": clock.examine,
    "exchanges": exchanges.examine,
    "service": service.examine,
    "api": api.examine,
    "streams": streams.examine,
    "trading": standing.examine,
    "strategy files": strategies.examine,
}


def findings(patient: Patient) -> Iterator[Finding]:
    """What every examination finds; one that cannot be carried out is a finding itself."""
    for what, examination in EXAMINATIONS.items():
        try:
            yield from examination(patient)
        except (SignalbotError, OSError) as e:
            yield problem(what, f"cannot be examined: {e}", "cure the cause, then ask again")
