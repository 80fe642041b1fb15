"""What every test relies on: laws are searched for without a clock, and no daemon tells a secret."""

from hypothesis import HealthCheck, settings

from tests.canary import no_secret_leaks

__all__ = ["no_secret_leaks"]

settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")
