"""What every test relies on: laws without a clock, for machines are loaded; no secret is told."""

import pytest
from hypothesis import HealthCheck, settings

from tests.planted_secrets import no_secret_leaks

__all__ = ["no_secret_leaks"]

settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that may take longest: none is left to run alone at the end."""
    items.sort(key=_limit_s, reverse=True)


def _limit_s(item: pytest.Item) -> float:
    limit = item.get_closest_marker("timeout")
    return float(limit.args[0]) if limit is not None else 0.0
