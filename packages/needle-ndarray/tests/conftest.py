"""Settings of hypothesis for these tests: the same examples on every run."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "needle",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # `device` is a name, which no example changes
)
settings.load_profile("needle")
