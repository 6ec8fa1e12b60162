"""One exact metric with its spread, measured in a process of its own: what `bisect` asks for.

    python -m optbench.watch.measure REQUEST

The request is JSON: problem, optimizer, schedule, budget, targets, seed. What is printed last is
JSON: `rows`, metric to value and spread, or `error`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from optbench.core.errors import OptbenchError
from optbench.engines.execute import Setting
from optbench.executors.local import execute
from optbench.nightly.metrics import Asked, rows_of_run
from optbench.request import Request
from optbench.workflow import make_plan, runs_of

ROUNDINGS = 4
"""How often the run is repeated with other rounding."""


def measure(request: Request) -> dict[str, Any]:
    """Run what a request names, which must be one run.

    Returns:
        Metric to value, spread and floor.

    Raises:
        OptbenchError: For bad input, and when it names several runs.
    """
    specs = runs_of((request,))
    if len(specs) != 1:
        raise OptbenchError(f"bisect follows one run, and these are {len(specs)}")
    work = make_plan(specs)
    run, *others = (
        run
        for rounding in range(1 + ROUNDINGS)
        for finished in execute(work.batches, setting=Setting(rounding=rounding))
        for run in finished.runs
    )
    rows = rows_of_run(Asked("", "", "", ""), run, others, "")
    return {
        row.key.metric: {"value": row.value, "spread": row.spread, "floor": row.floor}
        for row in rows
    }


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    asked = json.loads(arguments[0])
    try:
        found: dict[str, Any] = {
            "rows": measure(Request(**{k: _tuples(v) for k, v in asked.items()}))
        }
    except OptbenchError as error:
        found = {"error": str(error)}
    print(f"\n{json.dumps(found, allow_nan=False)}")


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


if __name__ == "__main__":
    main(sys.argv[1:])
