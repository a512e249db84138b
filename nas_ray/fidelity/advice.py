"""Which rungs a halving rule may have, given how early ranks can be trusted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from nas_ray.fidelity.measurements import FULL

if TYPE_CHECKING:
    import pandas as pd

TRUSTED = 0.7
"""Share of the agreement between full trainings from which on a fidelity may be cut at."""

BOLD, USUAL = 0.9, 0.8
"""Shares from which on the best quarter, or the best third, is enough; below, half is kept."""


class Advice(NamedTuple):
    """Settings of a stopping rule.

    Args:
        grace_period: Epochs of the first rung; None where no rung can be trusted.
        reduction_factor: One in this many goes on; None likewise.
        why: One sentence.
    """

    grace_period: int | None
    reduction_factor: int | None
    why: str

    def __str__(self) -> str:
        """Return it as a command line takes it."""
        if self.grace_period is None:
            return f"stopping.name=none: {self.why}"
        return (
            f"stopping.grace_period={self.grace_period} "
            f"stopping.reduction_factor={self.reduction_factor}: {self.why}"
        )


def advise(frame: pd.DataFrame, seeds: int) -> Advice:
    """Return the rungs that the ranks of a few networks let one have.

    The first rung is at the fewest epochs from which on Spearman's correlation with the full training is at
    least 0.7 of what another seed of the full training reaches, and its interval above 0. The closer it
    comes there, the fewer need to go on.

    Args:
        frame: Of :class:`nas_ray.fidelity.report.FidelityReport`.
        seeds: Seeds of each training.
    """
    rows = frame[frame["setting"] == FULL].sort_values("epochs")
    ceiling, below = float(rows["spearman"].iloc[-1]), rows.iloc[:-1]
    most = f"another seed of the full training: {ceiling:.2f}" if seeds > 1 else "1 is the most"
    if rows["spearman_low"].iloc[-1] <= 0:
        return Advice(
            None,
            None,
            f"full trainings with two seeds agree at {ceiling:.2f} only, so that no ranks can be trusted; "
            "train longer, or sample more networks",
        )
    trusted = (below["spearman"] >= TRUSTED * ceiling) & (below["spearman_low"] > 0)
    from_here = trusted[::-1].cummin()[::-1].astype(bool)
    if not from_here.any():
        best = below["spearman"].max()
        why = f"no fewer epochs rank networks as the full training does, at most {best:.2f} ({most})"
        return Advice(None, None, why)
    first = below[from_here].iloc[0]
    share = float(first["spearman"]) / ceiling
    factor = 4 if share >= BOLD else 3 if share >= USUAL else 2
    kept = {4: "quarter", 3: "third", 2: "half"}[factor]
    return Advice(
        int(first["epochs"]),
        factor,
        f"from epoch {int(first['epochs'])} on ranks agree with the full training at "
        f"{below[from_here]['spearman'].min():.2f} or more ({most}), so that the best {kept} is enough",
    )
