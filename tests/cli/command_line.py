"""Runs signalbot's command line as a user would, and hands back what came of it."""

import io
import json
import os
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import signalbot
from signalbot.__main__ import main
from tests.forked_process import run

_SOURCE = Path(signalbot.__file__).parents[1]


@dataclass(frozen=True)
class CommandResult:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class CommandLine:
    """A folder to run commands in."""

    folder: Path

    def run(self, *arguments: str, stdin: str = "", **variables: str) -> CommandResult:
        """Run ``signalbot`` with its input and output piped."""
        variables = _environment() | variables
        done = run(*arguments, cwd=self.folder, env=variables, stdin=stdin)
        return CommandResult(done.code, done.out, done.err)

    def ask(self, *arguments: str) -> CommandResult:
        """The same, much faster, within this process: for what only reads."""
        out, err = io.StringIO(), io.StringIO()
        argv = sys.argv
        sys.argv = ["signalbot", *arguments]
        try:
            with chdir(self.folder), redirect_stdout(out), redirect_stderr(err):
                main()
        except SystemExit as left:
            return CommandResult(int(left.code or 0), out.getvalue(), err.getvalue())
        finally:
            sys.argv = argv
        raise AssertionError("the command line ends in SystemExit, always")

    def on_terminal(self, *arguments: str, columns: int = 200) -> str:
        """What a person sees on a terminal so wide."""
        master, slave = os.openpty()
        variables = {"COLUMNS": str(columns), "TERM": "xterm-256color"}
        with subprocess.Popen(
            [sys.executable, "-m", "signalbot", *arguments],
            cwd=self.folder,
            env=_environment() | variables,
            stdin=slave,
            stdout=slave,
            stderr=slave,
        ):
            os.close(slave)
            seen = b"".join(iter(lambda: _read(master), b""))
        os.close(master)
        return seen.decode()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(_SOURCE), "NO_COLOR": ""}


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other side of a pseudo-terminal is closed
        return b""
