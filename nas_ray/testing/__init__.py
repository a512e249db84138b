"""Public conformance classes: derive a test class from one to hold a space, strategy or rule to its contract.

Example::

    from nas_ray.testing.strategies import StrategyConformance

    class TestMine(StrategyConformance):
        def make(self, **options):
            return MyStrategy(**options)
"""

import pytest

for _module in (
    "driving",
    "space_driver",
    "space_fixtures",
    "space_networks",
    "space_twins",
    "spaces",
    "stopping",
    "strategies",
    "strategy_endings",
    "strategy_seeds",
    "strategy_tuner",
):
    pytest.register_assert_rewrite(f"nas_ray.testing.{_module}")
