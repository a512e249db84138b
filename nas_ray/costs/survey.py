"""Whether any network keeps the constraints: found out by sampling, before a search starts."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence

import numpy as np

from nas_ray.costs.beside import START_S, Beside
from nas_ray.costs.bounds import FALSE, Bounds, Verdict, shown
from nas_ray.errors import ConfigError
from nas_ray.spaces import Config

SAMPLES = 500
SECONDS = 10.0
"""Time for samples, since the first was judged: large networks take longer to count."""


def check_possible(judge: Beside, points: Sequence[Config], seed: int) -> None:
    """Check that a point to evaluate, or one of up to 500 sampled networks, keeps the constraints.

    Args:
        judge: Judges configurations.
        points: Configurations that are proposed first.
        seed: Seed of the samples.

    Raises:
        ConfigError: If none does, with the share of them that each constraint rejects.
    """
    verdicts: list[Verdict] = []
    started = 0.0
    for config in _candidates(judge, points, seed):
        verdict = judge(config, START_S)
        if verdict is None or not verdict.broken:
            return  # what cannot be judged here is judged by the workers
        verdicts.append(verdict)
        started = started or time.monotonic()
        if time.monotonic() - started > SECONDS:
            break
    raise ConfigError(_told(verdicts, judge.bounds))


def _candidates(judge: Beside, points: Sequence[Config], seed: int) -> Iterator[Config]:
    rng = np.random.default_rng([seed, SAMPLES])  # other networks than those that a strategy will draw
    yield from points
    for _ in range(SAMPLES):
        yield judge.space.sample(rng, judge.task)


def _told(verdicts: Sequence[Verdict], bounds: Bounds) -> str:
    names = [*bounds.limits, *bounds.rules]
    rejected = {name: sum(name in verdict.broken for verdict in verdicts) for name in names}
    names.sort(key=lambda name: -rejected[name])
    shares = [
        f"{_named(name, verdicts, bounds)} rejects {rejected[name] / len(verdicts):.0%}" for name in names
    ]
    return (
        f"the constraints must leave something to search, but of {len(verdicts)} sampled networks "
        f"{', '.join(shares)}; loosen `{names[0]}`, or name a network that keeps them all in "
        "`strategy.points_to_evaluate`"
    )


def _named(name: str, verdicts: Sequence[Verdict], bounds: Bounds) -> str:
    if name in bounds.limits:
        least = min(verdict.costs.get(name, math.inf) for verdict in verdicts)
        return f"`{name}` at most {shown(bounds.limits[name])} (the least is {shown(least)})"
    said = next((verdict.broken[name] for verdict in verdicts if name in verdict.broken), "")
    return f"rule `{name}` ({said})" if said and not said.endswith(FALSE) else f"rule `{name}`"
