"""Diagnoses of the runs of a store."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optbench.analysis.filters import chosen
from optbench.core.errors import OptbenchError, unknown
from optbench.core.run import Run
from optbench.store import Damage, Listed, list_runs, open_store
from optbench.theory.diagnosis.diagnose import Diagnosis, diagnose

SHORT = 10
"""Digits by which a run is shown: enough to name one of millions."""


@dataclass(frozen=True, kw_only=True)
class Diagnosed:
    """A stored run and what its curve does.

    Attributes:
        run: The run, without its label where it was stored without one.
        diagnosis: What it does.
    """

    run: Run
    diagnosis: Diagnosis

    @property
    def name(self) -> str:
        """The first digits of the run's digest."""
        return self.run.spec.digest[:SHORT]


def rates(
    results: Path,
    runs: Sequence[str] = (),
    *,
    problems: Sequence[str] = (),
    optimizers: Sequence[str] = (),
) -> tuple[list[Diagnosed], list[Damage]]:
    """Diagnose stored runs, the newest of each spec.

    Args:
        results: Folder of the store.
        runs: First digits of digests or keys; all runs when empty.
        problems: Problems by name, label or glob; any when empty.
        optimizers: Optimizers likewise.

    Returns:
        The runs with their diagnoses, in the order of the store, and what is damaged.

    Raises:
        OptbenchError: For a run, a problem or an optimizer that is not in the store.
        StoreError: When there is no store, or it cannot be read.
    """
    with open_store(results, create=False) as store:
        known, untold = list_runs(store)
        names = [name for run in known for name in (run.digest, run.key)]
        for text in runs:
            if not any(name.startswith(text) for name in names):
                raise unknown("run", text, _near(text, known))
        fits = chosen([run.spec for run in known], problems=problems, optimizers=optimizers)
        digests = {
            run.digest
            for run, fit in zip(known, fits, strict=True)
            if fit
            and (not runs or any(n.startswith(r) for r in runs for n in (run.digest, run.key)))
        }
        newest = store.newest(digests=sorted(digests))
    found = [Diagnosed(run=r.run, diagnosis=diagnose(r.run)) for r in newest.records]
    places = {damage.where: damage for damage in [*untold, *newest.damaged]}
    if not found and not places:
        raise OptbenchError(f"no run in {results} is all of that; leave a filter out")
    return found, list(places.values())


def _near(text: str, known: Sequence[Listed]) -> list[str]:
    """Return digests that a prefix may have meant; all digests would fill pages."""
    return difflib.get_close_matches(text, [run.digest[:SHORT] for run in known], cutoff=0.5)
