"""A collection of runs as tables: one row a run, one row a recorded point, one row a group."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from optbench.analysis.curves import final, is_task, relative_suboptimality, start_gap
from optbench.analysis.summary import (
    ENDS,
    Row,
    learning_rate,
    short_names,
    summarize,
    variant_of,
)
from optbench.core.run import TRAINED_MEASURED, Run
from optbench.core.spec import Spec
from optbench.core.target import SUBOPTIMALITY, Target

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, repr=False)
class Results:
    """What a set of runs came to.

    Attributes:
        runs: The runs.
        new: How many of them were made now; the others were in the store.
        older: Runs of the same specs in the store that older code made, left out here.
        engine_seconds: Time that engines spent on advancing and recording runs, divided by the
            number of processes; planning, storing and start-up are not in it.
    """

    runs: tuple[Run, ...]
    new: int = 0
    older: int = 0
    engine_seconds: float = 0.0

    def __repr__(self) -> str:
        """Count the runs: all their numbers would fill hundreds of thousands of lines."""
        statuses = Counter(str(run.status) for run in self.runs).most_common()
        told = ", ".join(f"{count} {status}" for status, count in statuses)
        return f"<Results of {len(self.runs)} runs: {told or 'nothing was run'}>"

    def to_pandas(self) -> pd.DataFrame:
        """Return one row a run.

        Columns: problem, optimizer, schedule, lr, seed, `hyper_NAME` for every other
        hyperparameter, status, message, steps, gradient_calls, hvp_calls, value,
        suboptimality, relative_suboptimality, gradient_norm, distance, seconds, seconds_per_step
        (amortised where runs advance in a batch), state_bytes (a variable), and `steps_to_TARGET`
        and `gradient_calls_to_TARGET` for every target, such as `steps_to_1e-06` and
        `steps_to_distance_0.001`; NaN where there is nothing to say. Runs of tasks have besides
        validation_loss, validation_accuracy, test_loss, test_accuracy, train_loss, epochs,
        examples_per_second and peak_memory (bytes), as they were at the end.
        """
        import pandas as pd

        names = short_names(map(variant_of, self.runs))
        return pd.DataFrame([_record(run, names) for run in self.runs])

    def curves(self) -> pd.DataFrame:
        """Return one row a recorded point: who it was, and every column of the trajectory.

        Those that tasks add are there if one of the runs is of a task.
        """
        import pandas as pd

        names = short_names(map(variant_of, self.runs))
        frames = [
            pd.DataFrame(
                {
                    **_identity(run, names),
                    **run.curve,
                    **run.trained,
                    "relative_suboptimality": relative_suboptimality(run),
                }
            )
            for run in self.runs
            if run.curve
        ]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    def summary(self) -> list[Row]:
        """Return one row per problem, optimizer and schedule, see `summarize`."""
        return summarize(self.runs)


def _identity(run: Run, names: Mapping[Spec, str]) -> dict[str, Any]:
    lr = learning_rate(run)
    return {
        "problem": run.spec.problem_label,
        "optimizer": names[variant_of(run)],
        "schedule": str(run.spec.schedule),
        "lr": float("nan") if lr is None else lr,
        "seed": run.spec.seed,
    }


def _record(run: Run, names: Mapping[Spec, str]) -> dict[str, Any]:
    record = _identity(run, names)
    record |= {f"hyper_{key}": value for key, value in run.hyper.items() if key != "lr"}
    record |= {"status": str(run.status), "message": run.message, "steps": run.last("step")}
    columns = ("gradient_calls", "hvp_calls", "value", "suboptimality")
    record |= {column: run.last(column) for column in columns}
    known = math.isfinite(start_gap(run))
    record["relative_suboptimality"] = final(run, SUBOPTIMALITY) if known else float("nan")
    record |= {column: run.last(column) for column in ("gradient_norm", "distance")}
    record["seconds"] = run.seconds
    record["seconds_per_step"] = run.seconds / (run.last("step") or math.nan)
    record["state_bytes"] = run.facts.get("state_bytes")
    if is_task(run):
        record |= {name: run.last(column) for name, column in ENDS.items()}
        record |= {name: run.last(name) for name in TRAINED_MEASURED}
    for level in run.spec.targets:
        hit, name = run.hit(level), Target(run.spec.target_measure, level).column
        record[f"steps_to_{name}"] = hit.step if hit else float("nan")
        record[f"gradient_calls_to_{name}"] = hit.gradient_calls if hit else float("nan")
    return record
