"""Colors of the console log."""

_RED, _GREEN, _YELLOW, _BLUE, _MAGENTA, _CYAN = "31", "32", "33", "34", "35", "36"
_BOLD, _DIM = "1", "2"

_LEVELS = {"debug": _DIM, "warning": _YELLOW, "error": f"{_BOLD};{_RED}", "critical": f"7;{_RED}"}
_EVENT_COLORS = {
    "candle": _DIM,
    "signal": _CYAN,
    "decision": _BLUE,
    "execution": _MAGENTA,
    "order": _YELLOW,
    "position": _GREEN,
}
_ACTIONS = {"LONG": _GREEN, "SHORT": _RED, "EXIT_LONG": _YELLOW, "EXIT_SHORT": _YELLOW}


class Palette:
    """Colors texts for a terminal; without ``color`` it returns them unchanged."""

    def __init__(self, *, color: bool) -> None:
        self.color = color

    def level(self, name: str, text: str) -> str:
        return self._painted(text, _LEVELS.get(name, ""))

    def event(self, text: str) -> str:
        """Color an event by its topic."""
        return self._painted(text, _EVENT_COLORS.get(text.partition(".")[0], ""))

    def subject(self, text: str) -> str:
        return self._painted(text, _BOLD)

    def action(self, text: str) -> str:
        return self._painted(text, _ACTIONS.get(text, ""))

    def dim(self, text: str) -> str:
        return self._painted(text, _DIM)

    def gain(self, text: str) -> str:
        return self._painted(text, _RED if text.startswith("-") else _GREEN)

    def _painted(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and code and text else text
