"""Merges the file, the environment and the API's definitions; records each value's origin."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from signalbot.config.document import Document
from signalbot.config.environment import apply_environment
from signalbot.config.overrides import Overrides, apply_overrides
from signalbot.config.problems import Problem
from signalbot.config.runtime_definitions import Definition, apply_definitions
from signalbot.config.toml_positions import KeyPath, Keys, dotted
from signalbot.domain.users import Origin


def setting_layers(user: str, strategy: str) -> tuple[Keys, ...]:
    """Return the tables that may set a subscription's settings, the most specific first."""
    return ("users", user, "subscriptions", strategy), ("users", user), ("defaults",)


class Sources:
    """Raw values by key path, not yet validated: any key may hold any type."""

    def __init__(
        self,
        document: Document,
        environ: Mapping[str, str],
        definitions: Iterable[Definition] = (),
    ) -> None:
        self._document = document
        self.tables = document.tables
        self._variables = apply_environment(self.tables, environ)
        self.definitions = apply_definitions(definitions, self.tables)  #: the applied ones, by path
        self._overrides: Mapping[Keys, str] = {}

    def apply_overrides(self, overrides: Overrides) -> None:
        """Apply what-if overrides over the values of their user."""
        self._overrides = apply_overrides(self.tables, overrides)

    @property
    def text(self) -> str:
        """The file as it was read."""
        return self._document.text

    @classmethod
    def read(
        cls,
        path: Path,
        environ: Mapping[str, str],
        definitions: Iterable[Definition] = (),
        *,
        text: str | None = None,
    ) -> "Sources":
        """Read the file, apply ``environ``, and add ``definitions``.

        ``text`` replaces the content of the file.

        Raises:
            InvalidConfig: the file cannot be read or is not TOML.
        """
        document = Document.read(path) if text is None else Document(path, text)
        return cls(document, environ, definitions)

    def get(self, *path: str) -> object:
        """Return the raw value at ``path``; None if it is not set."""
        value: object = self.tables
        for key in path:
            if not isinstance(value, dict):
                return None
            value = value.get(key)
        return value

    def has(self, *path: str) -> bool:
        """Return whether ``path`` is set, even to null."""
        parent = self.get(*path[:-1])
        return isinstance(parent, dict) and path[-1] in parent

    def names(self, *path: str) -> tuple[str, ...]:
        """Return the keys of the table at ``path``; empty if there is no such table."""
        table = self.get(*path)
        return tuple(table) if isinstance(table, dict) else ()

    def deciding_path(self, layers: Iterable[Keys], setting: Keys) -> Keys | None:
        """Return the path of ``setting`` in the first of ``layers`` that sets it."""
        paths = ((*layer, *setting) for layer in layers)
        return next((path for path in paths if self.has(*path)), None)

    def definition_of(self, path: KeyPath) -> Definition | None:
        """Return the API's definition that contains ``path``; None if the file defines it."""
        keys = _text_keys(path)
        ends = range(len(keys), 0, -1)
        return next(
            (definition for end in ends if (definition := self.definitions.get(keys[:end]))), None
        )

    def origin_of(self, path: KeyPath) -> Origin:
        """Return whether the file or the API defines ``path``."""
        return Origin.CONFIG if self.definition_of(path) is None else Origin.API

    def variable_of(self, path: KeyPath) -> str | None:
        """Return the environment variable that set the value at ``path`` or created its table."""
        if not self._variables:
            return None
        wider = [path[:end] for end in range(len(path), 0, -1)]
        for each in wider:
            if variable := self._variables.get(_text_keys(each)):
                return variable
        for each in wider:
            if self._document.has_line(each):
                return None
            if variable := self._variable_below(each):
                return variable
        return None

    def _variable_below(self, path: KeyPath) -> str | None:
        below = (name for leaf, name in self._variables.items() if leaf[: len(path)] == path)
        return next(below, None)

    def problem(self, path: KeyPath, message: str) -> Problem:
        """Build a problem at ``path``, located by file line, variable or override."""
        if (override := self._override_of(path)) is not None:
            return Problem(where=override, path=dotted(path), message=message)
        if self.definition_of(path) is not None:
            return Problem(where="defined by the API", path=dotted(path), message=message)
        variable = self.variable_of(path)
        return Problem(
            where=f"environment {variable}" if variable else str(self._document.path),
            path=dotted(path),
            message=message,
            line=None if variable else self._document.line_of(path),
        )

    def _override_of(self, path: KeyPath) -> str | None:
        """Return the override that set ``path``, a table around it, or a key within it."""
        keys = _text_keys(path)
        around = (self._overrides.get(keys[:end]) for end in range(len(keys), 0, -1))
        within = (
            source for override, source in self._overrides.items() if override[: len(keys)] == keys
        )
        return next((source for source in (*around, *within) if source is not None), None)


def _text_keys(path: KeyPath) -> Keys:
    return tuple(str(key) for key in path)
