"""Every promise of strategies in general is checked on every kind."""

import pytest

from signalbot.strategies import KINDS


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> str:
    """Each built-in kind in turn."""
    name: str = request.param
    return name
