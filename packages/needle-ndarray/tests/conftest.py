"""Settings of hypothesis for these tests: the same examples on every run, new ones if HYPOTHESIS_PROFILE=thorough."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "needle",
    deadline=None,
    derandomize=True,
    database=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # `device` is a name, which no example changes
)
settings.register_profile(
    "thorough", settings.get_profile("needle"), derandomize=False, max_examples=1000, print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "needle"))
