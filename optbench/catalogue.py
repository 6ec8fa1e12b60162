"""What there is: names with one line each, and the full description of one of them.

`entries` imports nothing heavy; `describe` imports what it describes.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from optbench.core.errors import OptbenchError, unknown
from optbench.core.parameters import Parameter, Value, complete, parameters_of
from optbench.core.registry import Entry, plugins
from optbench.core.schedule import Factors
from optbench.core.spec import Spec, parse_one
from optbench.core.task import Task
from optbench.families import FAMILIES
from optbench.optimizers import OPTIMIZERS
from optbench.optimizers.foreign.packages import PACKAGES, classes, package_of
from optbench.schedules import SCHEDULES

KINDS = ("problems", "optimizers", "schedules", "suites")


def entries(kind: str) -> list[tuple[str, str]]:
    """Return the names of a kind with one line each, sorted.

    Args:
        kind: One of `KINDS`.
    """
    tables = {"problems": FAMILIES, "optimizers": OPTIMIZERS, "schedules": SCHEDULES}
    if kind == "suites":
        from optbench.suites import load_suite, suite_names

        return [(name, load_suite(name).about) for name in suite_names()]
    table: dict[str, Entry] = tables[kind] | plugins(f"optbench.{kind}")
    found = [(name, entry.about) for name, entry in table.items()]
    if kind == "problems":
        from optbench.cards import cards

        learning = {card.problem.name for card in cards().values() if card.learning}
        found = [(n, f"{about} (learning)" if n in learning else about) for n, about in found]
        found += [
            (card.name, f"{card.about} ({'learning card' if card.learning else 'card'})")
            for card in cards().values()
        ]
        found.append(("FILE.py:NAME", "your own function that returns a Problem or a Task"))
    if kind == "optimizers":
        found += [(f"{name}.NAME", package.about) for name, package in PACKAGES.items()]
        found.append(("FILE.py:NAME", "your own class in torch's form, or an UpdateRule"))
    if kind == "schedules":
        found.append(("torch.NAME", "any scheduler of torch: torch.StepLR:step_size=30 ..."))
        found.append(("FILE.py:NAME", "your own function of the steps and the horizon"))
    return sorted(found)


def completions(kind: str, text: str) -> list[tuple[str, str]]:
    """Return the names of a kind that begin with a text, with one line each.

    After `pytorch_optimizer.` they are the package's classes, which imports it.
    """
    names = [(name, about) for name, about in entries(kind) if "NAME" not in name]
    package = package_of(text) if kind == "optimizers" else ""
    try:
        names += [(name, "") for name in classes(package)] if package else []
    except OptbenchError:  # it is not installed: there is nothing to complete
        return []
    return [found for found in names if found[0].startswith(text)]


def describe(text: str) -> list[dict[str, Any]]:
    """Describe everything that has a name.

    Args:
        text: A name or a spec of a problem, optimizer, schedule or suite.

    Returns:
        One description for each kind that has the name: kind, name, about, and what belongs to it
        (parameters, facts, reference ...).

    Raises:
        OptbenchError: When nothing has the name.
    """
    from optbench.request import optimizer_vectors, problem_vectors, schedule_vectors
    from optbench.schedules.find import is_schedule

    spec = parse_one(
        text, lambda name: problem_vectors(name) | optimizer_vectors(name) | schedule_vectors(name)
    )
    # A scheduler of torch or a function by its path would be tried as an optimizer or a problem.
    only_schedule = spec.name not in SCHEDULES and is_schedule(spec.name)
    kinds = (_schedule,) if only_schedule else (_problem, _optimizer, _schedule, _suite)
    found = [
        description for describe_one in kinds if (description := describe_one(spec)) is not None
    ]
    if not found:
        names = [name for kind in KINDS for name, _ in entries(kind)]
        raise unknown("name", spec.name, names)
    return found


def numbers_of_schedule(text: str, steps: int) -> Factors:
    """Work out what a schedule says of a run.

    Args:
        text: A spec of a schedule.
        steps: Number of steps of the run.

    Raises:
        OptbenchError: When the text names no schedule, or one that does not fit the run.
    """
    from optbench.request import schedule_vectors
    from optbench.schedules.find import complete_schedule, factors_of, is_schedule

    spec = parse_one(text, schedule_vectors)
    if not is_schedule(spec.name):
        raise OptbenchError(f"--plot draws schedules, and {spec.name} is none")
    return factors_of(complete_schedule(spec), steps)


def _problem(spec: Spec) -> dict[str, Any] | None:
    from optbench.cards import cards

    is_family = spec.name in FAMILIES or spec.name in plugins("optbench.problems")
    card = None if is_family and spec.params else cards().get(spec.name)
    if card is None and not is_family and ":" not in spec.name:
        return None
    from optbench.families.find import complete_problem, find_family
    from optbench.optimizers.find import find_optimizer

    if card is None and ":" in spec.name:
        try:
            find_family(spec.name)
        except OptbenchError:
            find_optimizer(spec.name)  # raises what is wrong when it is no optimizer either
            return None
    whole = complete_problem(card.problem if card else spec)
    family = find_family(whole.name)
    return {
        "kind": "problem",
        "name": spec.name,
        "about": card.about if card else "",
        "documentation": inspect.getdoc(family) or "",
        "reference": card.reference if card else "",
        "spec": str(whole),
        "parameters": _parameters(parameters_of(family), whole.params),
        "learning": asdict(card.learning) if card and card.learning else {},
        **_built(whole),
    }


def _built(spec: Spec) -> dict[str, Any]:
    """Describe what only building a problem tells: facts, counts, or which data is missing."""
    from optbench.data.library import DataMissingError
    from optbench.families.find import build
    from optbench.families.fit import layout

    try:
        problem = build(spec)
    except DataMissingError as error:
        return {"missing": str(error)}
    if not isinstance(problem, Task):
        return {
            "facts": problem.facts.scalars(),
            "computed": dict(problem.facts.residuals),
            "examples": problem.examples,
        }
    splits = {"training": problem.train, "validation": problem.validation, "test": problem.test}
    return {
        "counts": {
            "trained parameters": sum(block.size for block in layout(spec).blocks),
            **{f"{name} examples": len(part) for name, part in splits.items() if part is not None},
            "examples in a gradient": problem.batch_size,
            "steps": problem.budget,
            "targets": ", ".join(problem.targets) or "none",
        }
    }


def _optimizer(spec: Spec) -> dict[str, Any] | None:
    known = spec.name in OPTIMIZERS or spec.name in plugins("optbench.optimizers")
    if not (known or package_of(spec.name) or ":" in spec.name):
        return None
    from optbench.optimizers.find import find_optimizer

    try:
        optimizer = find_optimizer(spec.name)
    except OptbenchError:
        if ":" in spec.name:
            return None
        raise
    values = complete(spec.name, optimizer.parameters, dict(spec.params))
    return {
        "kind": "optimizer",
        "name": spec.name,
        "about": OPTIMIZERS[spec.name].about if spec.name in OPTIMIZERS else "",
        "documentation": inspect.cleandoc(optimizer.documentation),
        "engine": "batched" if type(optimizer).__name__ == "UpdateRule" else "step",
        "parameters": _parameters(optimizer.parameters, values.items()),
        "costs": _costs(Spec.of(spec.name, values)),
    }


def _costs(optimizer: Spec) -> dict[str, float | None] | str:
    """Return what a step costs, measured now, or why that cannot be measured."""
    from optbench.engines.costs import measure_cost

    cost, reason = measure_cost(optimizer)
    return reason if cost is None else asdict(cost)


def _schedule(spec: Spec) -> dict[str, Any] | None:
    from optbench.schedules.find import find_schedule, is_schedule

    if not is_schedule(spec.name):
        return None
    schedule = find_schedule(spec.name)
    values = complete(spec.name, schedule.parameters, dict(spec.params))
    return {
        "kind": "schedule",
        "name": spec.name,
        "about": SCHEDULES[spec.name].about if spec.name in SCHEDULES else "",
        "documentation": schedule.documentation,
        "parameters": _parameters(schedule.parameters, values.items()),
    }


def _suite(spec: Spec) -> dict[str, Any] | None:
    from optbench.request import label_of, named_runs
    from optbench.suites import load_suite, suite_names

    if spec.name not in suite_names():
        return None
    suite = load_suite(spec.name)
    counts = [len(named_runs(request)) for request in suite.requests]
    return {
        "kind": "suite",
        "name": spec.name,
        "about": suite.about,
        "reference": suite.reference,
        "runs": sum(counts),
        "entries": [
            {
                "problems": [label_of(text) for text in request.problems],
                "optimizers": list(request.optimizers),
                "schedules": list(request.schedules),
                "lr": list(request.lr),
                "seeds": request.seeds,
                "budget": request.budget,
                "runs": count,
            }
            for request, count in zip(suite.requests, counts, strict=True)
        ],
    }


def _parameters(
    parameters: Mapping[str, Parameter], values: Iterable[tuple[str, Value]]
) -> list[dict[str, Any]]:
    given = dict(values)
    return [
        {
            "name": p.name,
            "default": p.default,
            "value": given.get(p.name),
            "range": p.param.range(),
            "about": p.param.about,
        }
        for p in parameters.values()
    ]
