"""The names of the proxies; the driver reads them without loading torch."""

from typing import Literal, TypeAlias, get_args

Proxy: TypeAlias = Literal["synflow", "naswot", "grad_norm", "snip", "zico"]
PROXIES: tuple[Proxy, ...] = get_args(Proxy)
"""All of them; of each a larger value should mean a better network."""

Prior: TypeAlias = Literal["params", "flops", "synflow", "naswot", "grad_norm", "snip", "zico"]
"""What networks may be compared by before any training: the proxies, and what they have to beat."""
