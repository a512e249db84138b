"""Where a network stands by its zero-cost proxies among those that a run has measured so far."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


class Standing:
    """Trains the best share of the networks, by one proxy or by several of them.

    A network is trained if, of the n networks of the run that were measured until then, it included, fewer
    than ``share * n`` are better; so the first one always is, and so are all that are as good as one that is.
    What was measured is a file ``<value>@<trial>`` each, in a folder that all workers of a run share, so that
    it is counted once, also over retries and resumes. A trial that was let through once stays so.

    Args:
        shares: Above 0, at most 1, by the name of a proxy.
        folder: On a path that all workers share; None counts what this process has measured.
    """

    def __init__(self, shares: Mapping[str, float], folder: Path | None) -> None:
        self.shares, self._folder = dict(shares), folder
        self._measured: dict[str, dict[str, float]] = {name: {} for name in shares}

    def beaten(self, trial: str, values: Mapping[str, float]) -> list[str]:
        """Count a network in, and return the proxies by which it stands too low, in words.

        Args:
            trial: Its name.
            values: Its proxies; one without a value is not judged by it.
        """
        said = []
        for name, share in self.shares.items():
            known = self._known(name)
            if name not in values or trial in known:
                continue
            self._add(name, trial, values[name])
            better, measured = sum(other > values[name] for other in known.values()), len(known) + 1
            if better >= share * measured:
                said.append(
                    f"proxy `{name}` must be among the best {share:.0%} of the {measured} networks measured "
                    f"so far, but {better} are above its {values[name]:.6g}"
                )
        return said

    def _known(self, name: str) -> dict[str, float]:
        if self._folder is None:
            return dict(self._measured[name])
        parts = (path.name.partition("@") for path in (self._folder / name).glob("*@*"))
        return {trial: float(value) for value, _, trial in parts}

    def _add(self, name: str, trial: str, value: float) -> None:
        if self._folder is None:
            self._measured[name][trial] = value
            return
        (self._folder / name).mkdir(parents=True, exist_ok=True)
        (self._folder / name / f"{value!r}@{trial}").touch()
