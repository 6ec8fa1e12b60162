"""In which setting a claim is checked: whose optimizer, which seed, how much effort."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace

import numpy as np

from optbench.core.groups import complete_grouped
from optbench.core.optimizer import UpdateRule
from optbench.core.spec import RunSpec, Spec, parse_one
from optbench.request import Request, expand, optimizer_vectors

TWINS = {"beta": "momentum", "momentum": "beta"}
"""What one equation calls beta another, and torch, calls momentum."""


class LackingError(Exception):
    """The user's optimizer has not what a claim needs; the message says what."""


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How a claim is checked.

    Attributes:
        claim: Its id.
        rule: The optimizer that it is about.
        substitute: A user's optimizer that takes the rule's place; None leaves the rule there.
        seed: 0, or 1 when a failure is to be confirmed.
        effort: 1, or 4 or 16 when less did not decide: factor on steps or samples.
    """

    claim: str
    rule: str = ""
    substitute: Spec | None = None
    seed: int = 0
    effort: int = 1

    def seeds(self, count: int) -> tuple[int, ...]:
        """Return seeds of runs that no other claim shares, so that a new claim changes no other."""
        root = np.random.SeedSequence([zlib.crc32(self.claim.encode()), self.seed])
        return tuple(int(word) >> 1 for word in root.generate_state(count))

    def optimizer(self, text: str) -> Spec:
        """Return the complete optimizer of a text, or the user's when the text names the rule.

        Args:
            text: `name:key=value,...`, as on the command line.

        Returns:
            The spec; the user's optimizer has the text's hyperparameters under its own names.

        Raises:
            LackingError: When the user's optimizer does not take one of them, or takes a learning
                rate where the rule has none.
        """
        from optbench.optimizers.find import find_optimizer

        spec = parse_one(text, optimizer_vectors)
        parameters = find_optimizer(spec.name).parameters
        values = complete_grouped(spec.name, parameters, dict(spec.params))
        if self.substitute is None or spec.name != self.rule:
            return Spec.of(spec.name, values)
        name = self.substitute.name
        taken = find_optimizer(name).parameters
        if "lr" in taken and "lr" not in parameters:
            raise LackingError(f"{name} takes lr=, and {self.rule}, which this is about, has none")
        given = {}
        for key, value in values.items():
            own = next((own for own in (key, TWINS.get(key, "")) if own in taken), None)
            if own is not None:
                given[own] = value
            elif key not in dict(spec.params) and key not in TWINS:
                continue  # an option that the claim does not use
            else:
                raise LackingError(f"{name} takes no {TWINS.get(key, key)}=, which this needs")
        return Spec.of(name, complete_grouped(name, taken, dict(self.substitute.params) | given))

    def run(
        self,
        problem: str,
        optimizer: str,
        *,
        steps: int,
        schedule: str = "constant",
        seed: int = 0,
        points: bool = False,
        record: str = "every",
        targets: tuple[float | str, ...] = (),
        dtype: str = "float64",
    ) -> RunSpec:
        """Name one run through the harness.

        Args:
            problem: Text of the problem, as on the command line.
            optimizer: Text of the optimizer, see `optimizer`.
            steps: Steps t to take.
            schedule: Text of the schedule.
            seed: Of the start and the draws.
            points: Whether the x_t are kept.
            record: `every` or `log`.
            targets: Levels at which it stops; none by default.
            dtype: Of the points.

        Returns:
            The run.
        """
        asked = Request(
            problems=(problem,),
            optimizers=(optimizer,),
            schedules=(schedule,),
            budget=1.0,
            targets=targets,
            record=record,
            record_x=points,
            dtype=dtype,
        )
        (spec,) = expand(asked)
        own = self.optimizer(optimizer)
        return replace(spec, optimizer=own, seed=seed, budget=_budget(spec.problem, own, steps))


def _budget(problem: Spec, optimizer: Spec, steps: int) -> float:
    """Return the gradient evaluations that a number of steps takes."""
    from optbench.engines.oracle import cost_of_gradient
    from optbench.families.find import build_problem
    from optbench.optimizers.find import find_optimizer

    method = find_optimizer(optimizer.name)
    gradients = method.gradients_per_step if isinstance(method, UpdateRule) else 1
    size = int(dict(optimizer.params).get("batch_size", 0))
    cost = cost_of_gradient(build_problem(problem), size) if size else 1.0
    return steps * gradients * cost
