"""An installation, and the doctor's findings for it."""

from dataclasses import dataclass
from pathlib import Path

from tests.cli.command_line import CommandLine
from tests.maintenance.daemon_process import Daemon


@dataclass(frozen=True)
class Finding:
    level: str
    what: str
    says: str
    cure: str | None


@dataclass(frozen=True)
class InstallationFixture:
    daemon: Daemon

    @property
    def folder(self) -> Path:
        return self.daemon.folder

    def configure(self, before: str = "", after: str = "") -> None:
        """Add tables to the configuration: at its end, or in place of ``before``."""
        path = self.folder / "config.toml"
        text = path.read_text()
        path.write_text(text.replace(before, after) if before else f"{text}\n{after}\n")

    def findings(self, what: str, *options: str) -> list[Finding]:
        """What is found about one part."""
        report = CommandLine(self.folder).ask("doctor", "--json", *options)
        found = [Finding(**each) for each in report.json["findings"]]
        has_problem = any(each.level == "problem" for each in found)
        assert report.code == int(has_problem)
        assert report.json["ok"] is not has_problem
        assert all(each.cure for each in found if each.level == "problem")
        return [each for each in found if each.what == what]

    def problem(self, what: str, *options: str) -> Finding:
        """The only problem with one part."""
        (found,) = [each for each in self.findings(what, *options) if each.level == "problem"]
        return found

    def is_well(self, what: str, *options: str) -> bool:
        """Whether a part was checked without a problem."""
        found = self.findings(what, *options)
        return bool(found) and all(each.level != "problem" for each in found)
