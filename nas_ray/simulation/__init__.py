"""Strategies and stopping rules on a table of measured results, in virtual time: GPU-months in seconds."""

from nas_ray.simulation.budget import Budget
from nas_ray.simulation.driver import check_config, simulate, simulate_config
from nas_ray.simulation.events import Cluster
from nas_ray.simulation.result import Simulation
from nas_ray.simulation.wrappers import Failing, Report, Slow, Wrapper

__all__ = [
    "Budget",
    "Cluster",
    "Failing",
    "Report",
    "Simulation",
    "Slow",
    "Wrapper",
    "check_config",
    "simulate",
    "simulate_config",
]
