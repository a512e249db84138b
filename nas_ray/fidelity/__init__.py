"""How far cheap trainings can be trusted: do they rank networks as full ones do?"""

from __future__ import annotations

from nas_ray.fidelity.checking import check_fidelity
from nas_ray.fidelity.report import FidelityReport

__all__ = ["FidelityReport", "check_fidelity"]
