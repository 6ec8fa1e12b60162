"""One row per problem, optimizer and schedule: how it does at its best learning rate."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np

from optbench.analysis.curves import BAD_END, FLOOR, LOGARITHMIC, final, is_task, levels, measure_of
from optbench.analysis.statistics import Estimate, geometric_mean, mean
from optbench.core.parameters import Value
from optbench.core.run import Run, Status
from optbench.core.spec import Spec, format_value
from optbench.core.target import SUBOPTIMALITY

ENDS = {
    "validation_loss": "validation_loss",
    "validation_accuracy": "validation_accuracy",
    "test_loss": "test_loss",
    "test_accuracy": "test_accuracy",
    "train_loss": "train_loss",
    "epochs": "epoch",
}
"""What is told of the end of a task's runs, each name with its column of `Run.trained`."""

LOOKING = frozenset({"evaluations", "sharpness"})
"""Options of training that say what is looked at and change no step."""

LOSS = "loss"
"""What the value of a task is called."""


@dataclass(frozen=True, kw_only=True)
class Reach:
    """How one target was reached at the best learning rate.

    Attributes:
        target: Level of the row's `target_measure`.
        reached: Number of runs that reached it.
        runs: Number of runs.
        steps: Median number of steps; None unless all runs reached it.
        gradient_calls: Median number of gradient evaluations, likewise.
    """

    target: float
    reached: int
    runs: int
    steps: float | None
    gradient_calls: float | None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the summary table.

    Attributes:
        problem: The problem's label.
        optimizer: Short name: the optimizer with those parameters only in which variants differ.
        variant: The optimizer with every parameter but the learning rate.
        schedule: Short name of the schedule.
        runs: Every run of the group, at all learning rates.
        seeds: The seeds, ascending.
        learning_rates: The learning rates tried, ascending; empty for a method that has none.
        best_lr: The best of them.
        edge: Whether the best one is the first or the last of several: the grid is too narrow.
        best: The runs at the best learning rate, by seed.
        reach: The targets, easiest first.
        target_measure: What the targets measure.
        measure: What `final` is, and what runs are compared by: the target measure, or the value f
            where that is unknown, as the suboptimality is for want of f*.
        final: At the best learning rate: geometric mean of the final measure, or mean of the final
            value, over the runs that did not diverge; None when all did.
        ends: Of a task: the means of `ENDS` at the best learning rate, over the runs that did not
            diverge, where they are known.
        diverged: Number of runs of the group that ended as diverged or nan.
        statuses: Number of runs of the group by status.
    """

    problem: str
    optimizer: str
    variant: Spec
    schedule: str
    runs: tuple[Run, ...] = field(repr=False)
    seeds: tuple[int, ...]
    learning_rates: tuple[float, ...]
    best_lr: float | None
    edge: bool
    best: tuple[Run, ...] = field(repr=False)
    reach: tuple[Reach, ...]
    target_measure: str
    measure: str
    final: Estimate | None
    ends: Mapping[str, Estimate]
    diverged: int
    statuses: Mapping[Status, int]

    @property
    def name(self) -> str:
        """The name to show: optimizer, and schedule unless it is constant."""
        return self.optimizer + (f", {self.schedule}" if self.schedule != "constant" else "")

    @property
    def title(self) -> str:
        """The problem, and what its runs aim at unless it is the suboptimality."""
        aim = LOSS if self.is_task and self.target_measure == "value" else self.target_measure
        return self.problem + (f" ({aim})" if aim != SUBOPTIMALITY else "")

    @property
    def is_task(self) -> bool:
        """Whether the runs are those of a learning problem."""
        return any(map(is_task, self.runs))

    @property
    def has_validation(self) -> bool:
        """Whether a run was judged by examples that it was not trained on."""
        return any(np.isfinite(levels(run, "validation_loss")).any() for run in self.runs)

    @property
    def is_amortised(self) -> bool:
        """Whether times are those of a batch, some or all, divided by its runs."""
        return any(run.engine == "batched" for run in self.best)

    @property
    def stop(self) -> float:
        """The last target, where runs stop at it, as all do that do not train; -inf elsewhere.

        How far below it a run ends is the doing of its last step.
        """
        stops = self.reach and self.measure == self.target_measure and not self.is_task
        return self.reach[-1].target if stops else -math.inf

    @property
    def is_floored(self) -> bool:
        """Whether all runs at the best learning rate end at the floor, or below it, which is 0."""
        return self.measure in LOGARITHMIC and all(final(run) <= FLOOR for run in self.best)

    @property
    def diverged_share(self) -> float:
        """Share of the group's runs that diverged."""
        return self.diverged / len(self.runs)


def learning_rate(run: Run) -> float | None:
    """Return the learning rate of a run in numbers; None when it has none or was never resolved."""
    given = run.hyper.get("lr", dict(run.spec.optimizer.params).get("lr"))
    return None if given is None or isinstance(given, str) else float(given)


def variant_of(run: Run) -> Spec:
    """Return the run's optimizer with every parameter but the learning rate."""
    params = {key: value for key, value in run.spec.optimizer.params if key != "lr"}
    # What is not the usual precision on the CPU is a variant of its own, as is training otherwise:
    # it must not pass for a seed.
    usual = {"dtype": "float32" if is_task(run) else "float64", "device": "cpu"}
    params |= {k: getattr(run.spec, k) for k, v in usual.items() if getattr(run.spec, k) != v}
    options = run.spec.training.options()
    params |= {name: value for name, value in options.items() if name not in LOOKING}
    return Spec.of(run.spec.optimizer.name, params)


def summarize(runs: Iterable[Run]) -> list[Row]:
    """Summarise runs by problem, target measure, optimizer variant, schedule and budget.

    The best learning rate is the one at which every run reaches the last target, in the fewest
    gradient evaluations (median over seeds). If there is none, it is the one with the smallest
    share of diverged runs and then the smallest final measure. Ties go to the smaller one. Runs of
    a task do not end at a target, and it is by the latter rule alone, on validation data, that
    their learning rate is chosen; test data has no say.

    Args:
        runs: Any runs.

    A learning rate that was asked for twice, as `1/L` and as a number, is one: the same run is no
    second seed.

    Returns:
        The rows, sorted by problem (see `natural`) and target measure, then best first by the same
        rule.
    """
    groups: dict[tuple[str, Spec, Spec, str, float], list[Run]] = defaultdict(list)
    for run in runs:
        spec, variant = run.spec, variant_of(run)
        key = spec.problem_label, variant, spec.schedule, spec.target_measure, spec.budget
        groups[key].append(run)
    optimizers = short_names(key[1] for key in groups)
    schedules = short_names(key[2] for key in groups)
    budgets = Counter(key[:4] for key in groups)
    rows = []
    for key, group in groups.items():
        problem, variant, schedule, _, budget = key
        name = optimizers[variant]
        if budgets[key[:4]] > 1:
            name += f" (budget {budget:g})"
        rows.append(_row(problem, variant, schedules[schedule], name, _distinct(group)))
    return sorted(rows, key=_rank)


def natural(title: str) -> list[str | float]:
    """Return what titles are sorted by: the numbers in them as numbers, kappa=30 before 100."""
    parts = re.split(r"(\d+(?:\.\d+)?(?:e[-+]?\d+)?)", title)
    return [float(part) if i % 2 else part for i, part in enumerate(parts)]


def short_names(variants: Iterable[Spec]) -> dict[Spec, str]:
    """Name optimizers or schedules by the parameters in which variants of one of them differ.

    What is off, such as `batch_size=0`, is not told, unless it is all that tells two apart.

    Args:
        variants: Specs; of optimizers, without the learning rate.

    Returns:
        Text by spec; different specs have different texts.
    """
    by_name: dict[str, set[Spec]] = defaultdict(set)
    for variant in variants:
        by_name[variant.name].add(variant)
    names: dict[Spec, str] = {}
    for name, same in by_name.items():
        shared = set.intersection(*(set(variant.params) for variant in same))
        own = {v: [(k, x) for k, x in v.params if (k, x) not in shared] for v in same}
        short = {v: _named(name, [(k, x) for k, x in pairs if x]) for v, pairs in own.items()}
        uses = Counter(short.values())
        for variant, pairs in own.items():
            text = short[variant]
            names[variant] = text if uses[text] == 1 else _named(name, pairs)
    return names


def _named(name: str, params: Sequence[tuple[str, Value]]) -> str:
    own = ",".join(f"{k}={format_value(x)}" for k, x in params)
    return f"{name}:{own}" if own else name


def _distinct(runs: Iterable[Run]) -> list[Run]:
    """Return the first run of each learning rate and seed."""
    first: dict[tuple[float | None, int], Run] = {}
    for run in runs:
        first.setdefault((learning_rate(run), run.spec.seed), run)
    return list(first.values())


def _row(problem: str, variant: Spec, schedule: str, name: str, runs: Sequence[Run]) -> Row:
    by_lr: dict[float | None, list[Run]] = defaultdict(list)
    for run in runs:
        by_lr[learning_rate(run)].append(run)
    rates = sorted(lr for lr in by_lr if lr is not None)
    targets = _targets(runs)
    best_lr = min(rates, key=lambda lr: (_score(by_lr[lr], targets), lr)) if rates else None
    best = sorted(by_lr[best_lr], key=lambda run: run.spec.seed)
    statuses = Counter(run.status for run in runs)
    return Row(
        problem=problem,
        optimizer=name,
        variant=variant,
        schedule=schedule,
        runs=tuple(runs),
        seeds=tuple(sorted({run.spec.seed for run in runs})),
        learning_rates=tuple(rates),
        best_lr=best_lr,
        edge=len(rates) > 1 and best_lr in (rates[0], rates[-1]) and any(r.curve for r in runs),
        best=tuple(best),
        reach=tuple(_reach(target, best) for target in targets),
        target_measure=runs[0].spec.target_measure,
        measure=_measure(best),
        final=_final(best),
        ends=_ends(best),
        diverged=sum(statuses[status] for status in BAD_END),
        statuses=dict(statuses),
    )


def _measure(runs: Iterable[Run]) -> str:
    """Return what runs of a row are compared by; the value only where none knows better."""
    return next((name for name in map(measure_of, runs) if name != "value"), "value")


def _targets(runs: Iterable[Run]) -> list[float]:
    return sorted({target for run in runs for target in run.spec.targets}, reverse=True)


def _reach(target: float, runs: Sequence[Run]) -> Reach:
    hits = [hit for hit in (run.hit(target) for run in runs) if hit is not None]
    everyone = len(hits) == len(runs)
    return Reach(
        target=target,
        reached=len(hits),
        runs=len(runs),
        steps=median(hit.step for hit in hits) if everyone else None,
        gradient_calls=median(hit.gradient_calls for hit in hits) if everyone else None,
    )


def _rank(row: Row) -> tuple[list[str | float], str, tuple[float, float, float], str]:
    return natural(row.problem), row.target_measure, _score(row.best, _targets(row.runs)), row.name


def _final(runs: Sequence[Run]) -> Estimate | None:
    values = [value for value in map(final, runs) if math.isfinite(value)]
    if not values:
        return None
    if _measure(runs) in LOGARITHMIC:
        return geometric_mean([max(value, FLOOR) for value in values])
    return mean(values)


def _ends(runs: Sequence[Run]) -> dict[str, Estimate]:
    ended = [run for run in runs if math.isfinite(final(run))]
    columns = {name: [run.last(column) for run in ended] for name, column in ENDS.items()}
    known = {name: [v for v in values if math.isfinite(v)] for name, values in columns.items()}
    return {name: mean(values) for name, values in known.items() if values}


def _score(runs: Sequence[Run], targets: Sequence[float]) -> tuple[float, float, float]:
    stops = targets and not any(map(is_task, runs))
    calls = _reach(targets[-1], runs).gradient_calls if stops else None
    lost = sum(math.isinf(final(run)) for run in runs) / len(runs)
    ends = [value for value in map(final, runs) if math.isfinite(value)]
    if _measure(runs) in LOGARITHMIC:
        ends = [math.log(max(value, FLOOR)) for value in ends]
    end = sum(ends) / len(ends) if ends else math.inf
    return math.inf if calls is None else calls, lost, end
