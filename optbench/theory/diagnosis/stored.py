"""Diagnoses of the runs of a store."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from optbench.analysis.filters import chosen
from optbench.core.errors import OptbenchError, unknown
from optbench.core.run import Run
from optbench.core.spec import RunSpec
from optbench.store import Damage, open_store
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
        known = [
            (digest, key, RunSpec.from_json(spec, label))
            for digest, key, spec, label in store.table("spec_digest", "key", "spec", "label")
        ]
        names = [name for digest, key, _ in known for name in (digest, key)]
        for text in runs:
            if not any(name.startswith(text) for name in names):
                raise unknown("run", text, _near(text, known))
        fits = chosen([spec for *_, spec in known], problems=problems, optimizers=optimizers)
        digests = {
            digest
            for (digest, key, _), fit in zip(known, fits, strict=True)
            if fit and (not runs or any(name.startswith(r) for r in runs for name in (digest, key)))
        }
        newest = store.newest(digests=sorted(digests))
    found = [Diagnosed(run=r.run, diagnosis=diagnose(r.run)) for r in newest.records]
    if not found and not newest.damaged:
        raise OptbenchError(f"no run in {results} is all of that; leave a filter out")
    return found, newest.damaged


def _near(text: str, known: Sequence[tuple[str, str, RunSpec]]) -> list[str]:
    """Return digests that a prefix may have meant; all digests would fill pages."""
    return difflib.get_close_matches(text, [digest[:SHORT] for digest, *_ in known], cutoff=0.5)
