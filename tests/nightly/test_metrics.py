"""Rows say of a run what it is compared by, and nothing that would mislead."""

from __future__ import annotations

from dataclasses import replace

import pytest

from optbench.conformance.battery import conform
from optbench.core.run import Run
from optbench.nightly.metrics import (
    POINTS,
    Asked,
    curve_of,
    exact_metrics,
    row_of_conformance,
    rows_of_claims,
    rows_of_run,
)
from optbench.theory.verify import choose, verify
from tests.helpers import runs

BOWL = "quadratic:dim=10,kappa=10"
ASKED = Asked("bowl", "gd", "constant", "d")


def _run(optimizer: str = "gd:lr=1/L", **settings: object) -> Run:
    (run,) = runs(BOWL, optimizer, **{"targets": (1e-2, 1e-6), **settings})
    return run


def test_a_run_that_arrives_is_told_by_its_steps() -> None:
    """Each target has its steps; the last value, by accident below the target, is no metric."""
    run = _run()
    found = exact_metrics(run)

    assert {
        "status": "converged",
        "steps_to_target@1e-02": run.hits[0].step,
        "steps_to_target": run.hits[1].step,
        "gradient_calls": run.hits[1].step,
        "value_calls": 0,
        "hvp_calls": 0,
        "state_bytes": 0,
    } == found


def test_a_run_that_uses_up_its_budget_is_told_by_where_it_got() -> None:
    """A missed target is None, and the last suboptimality counts."""
    run = _run(budget=10)
    found = exact_metrics(run)

    assert (found["status"], found["steps_to_target"]) == ("budget", None)
    assert run.last("suboptimality") == found["final_suboptimality"]


def test_a_run_that_diverges_has_no_calls() -> None:
    """Whoever stops early because it blew up has not become cheaper."""
    found = exact_metrics(_run("gd:lr=100"))

    assert found["status"] == "diverged"
    assert not {"gradient_calls", "final_suboptimality"} & found.keys()


def test_products_and_state_are_counted() -> None:
    """An optimizer that begins to take Hessian products, or more memory, is seen."""
    products = exact_metrics(_run("newton:lr=1", targets=(1e-30,), budget=2))["hvp_calls"]
    state = exact_metrics(_run("torch.AdamW:lr=0.01"))["state_bytes"]

    assert isinstance(products, int)
    assert products >= 10
    assert isinstance(state, float | int)
    assert state >= 16


@pytest.mark.parametrize("measure", ["distance", "gradient_norm", "value"])
def test_the_last_point_is_told_in_the_measure_of_the_targets(measure: str) -> None:
    """Whoever aims at a distance is compared by distance."""
    run = _run(budget=5, targets=(f"{measure}=1e-9",))

    assert run.last(measure) == exact_metrics(run)[f"final_{measure}"]


def test_without_a_minimum_the_value_is_told() -> None:
    """An unknown f* makes the suboptimality unknown, not the run."""
    run = _run(budget=5)
    blind = replace(run, curve={**run.curve, "suboptimality": run.curve["value"] * float("nan")})

    assert run.last("value") == exact_metrics(blind)["final_value"]


def test_rows_have_a_spread_and_only_measures_a_floor() -> None:
    """The floor is a rounding of the start; steps have none, or a first step would be forgiven."""
    run, other = _run(budget=10), _run("gd:lr=0.1", budget=9)
    rows = {row.key.metric: row for row in rows_of_run(ASKED, run, [other, other], "c")}

    assert rows["gradient_calls"].spread == (9, 9)
    assert rows["status"].key[:3] == ("bowl", "gd", "constant")
    assert ({"d"}, {"c"}) == (
        {row.definition for row in rows.values()},
        {row.curve for row in rows.values()},
    )
    start = run.curve["suboptimality"][0]
    assert 1e-16 * start < rows["final_suboptimality"].floor < 1e-12 * start
    assert [r.floor for metric, r in rows.items() if not metric.startswith("final")] == [0.0] * 7


def test_a_curve_is_thinned_and_keeps_its_ends() -> None:
    """A page of a thousand nights has short curves; their first and last points are the run's."""
    run = _run("gd:lr=1e-4", budget=5000)
    curve = curve_of(run)

    assert {"step", "gradient_calls", "suboptimality"} == curve.keys()
    assert 50 < len(curve["step"]) <= POINTS
    assert (curve["step"][0], curve["step"][-1]) == (0, 5000)
    assert curve["suboptimality"][-1] == pytest.approx(run.last("suboptimality"), rel=1e-5)
    assert curve_of(replace(run, curve={})) == {"step": [], "gradient_calls": [], "value": []}


def test_claims_and_implementations_are_rows() -> None:
    """A verdict is a word; which checks deviate is part of it."""
    checked = verify(choose(["GD-03"])[0])
    claims = rows_of_claims("GD-03", checked)
    replaced = rows_of_claims("GD-03 with torch.SGD", checked)
    good = row_of_conformance("torch.AdamW", conform("torch.AdamW"))
    bad = row_of_conformance("torch.RMSprop as adam", conform("torch.RMSprop", "adam"))

    assert {claim.key[:3] for claim in claims} == {("theory", "gd", "")}
    assert {claim.value for claim in claims} == {"PASS"}
    assert claims[0].definition != replaced[0].definition
    assert tuple(good.key) == ("conformance", "torch.AdamW", "", "conforms to adamw")
    assert good.value == "conforms"
    assert str(bad.value).startswith("deviates in ")
    assert good.definition != bad.definition
