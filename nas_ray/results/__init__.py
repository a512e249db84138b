"""What a search found: the winner, dataframes, summaries, and where a run stands."""

from __future__ import annotations

from nas_ray.results.best import BestTrial
from nas_ray.results.formats import export
from nas_ray.results.listing import runs
from nas_ray.results.progress import RunStatus, status
from nas_ray.results.result import SearchResult

__all__ = ["BestTrial", "RunStatus", "SearchResult", "export", "runs", "status"]
