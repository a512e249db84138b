"""Strategies compared on tables of measured results, with seeds, in parallel processes.

>>> from nas_ray.benchmarking import Plan, benchmark
"""

from nas_ray.benchmarking.plan import Plan
from nas_ray.benchmarking.result import BenchmarkResult
from nas_ray.benchmarking.running import benchmark

__all__ = ["BenchmarkResult", "Plan", "benchmark"]
