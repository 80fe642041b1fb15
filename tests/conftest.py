"""What every test relies on: laws without a clock, for machines are loaded; no secret is told."""

from hypothesis import HealthCheck, settings

from tests.canary import no_secret_leaks

__all__ = ["no_secret_leaks"]

settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")
