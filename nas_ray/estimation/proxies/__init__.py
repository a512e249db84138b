"""Zero-cost proxies: numbers computed on one batch before training that should tell how good a network is.

Each is one file with the paper's definition. Several of them rank networks no better than their parameters
or operations do, so that those always stand beside them; ``scripts/benchmarks/proxies.py`` measures it.
"""

from nas_ray.estimation.proxies.names import PROXIES, Prior, Proxy

__all__ = ["PROXIES", "Prior", "Proxy"]
