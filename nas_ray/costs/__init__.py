"""What an architecture costs: parameters, operations."""

from nas_ray.costs.counting import Costs, count, measure

__all__ = ["Costs", "count", "measure"]
