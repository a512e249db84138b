"""What an architecture costs: parameters, operations, depth and memory, and the bounds on them."""

from nas_ray.costs.bounds import Bounds, Rule, Verdict, beyond, shown
from nas_ray.costs.counting import Costs, count, measure

__all__ = ["Bounds", "Costs", "Rule", "Verdict", "beyond", "count", "measure", "shown"]
