"""No honest implementation is accused, and nothing is called by a name that is not its own."""

from __future__ import annotations

import pytest
import torch

from optbench.conformance import survey as surveyed
from optbench.conformance.battery import Conformance, Scope, conform, pair_of, rows_of
from optbench.conformance.check import Row, Verdict, apply
from optbench.conformance.checks.contract import CONTRACT
from optbench.conformance.diagnose import Diagnosis, diagnose, tapes
from optbench.conformance.match import CLAIMS
from optbench.optimizers.foreign.quiet import quiet
from tests.conformance.mutants import optimizer
from tests.conformance.unusual import HIDDEN, HONEST, AnyKeyword, OtherKey


@pytest.mark.parametrize("style", HONEST)
def test_an_unusual_style_is_no_deviation(style: str) -> None:
    """The order of operations is free: scaled epsilons, displacements, sums, numpy."""
    equation, update, defaults = HONEST[style]
    found = conform(optimizer(update, **defaults), equation)

    assert found.verdict is Verdict.CONFORMS, found.deviations


@pytest.mark.parametrize("bug", HIDDEN)
def test_a_hidden_bug_is_caught_and_not_misnamed(bug: str) -> None:
    """What shows late or faintly deviates, and is not passed off as another mistake."""
    equation, update, defaults, said = HIDDEN[bug]
    with quiet():
        pair = pair_of(optimizer(update, **defaults), equation)
        caught = any(row.verdict is Verdict.DEVIATES for row in rows_of(pair))
        diagnosis = diagnose(pair, tapes)

    assert caught
    assert (diagnosis.text if diagnosis else "") == said


def test_what_a_class_does_not_take_is_not_held_against_it() -> None:
    """A learning rate out of sight is noted; checks that need another one do not apply."""
    found = conform(AnyKeyword, "gd")

    assert found.verdict is Verdict.CONFORMS, found.deviations
    assert found.notes == ("no lr: its own values are used",)


def test_groups_are_not_held_to_the_constructors_names() -> None:
    """A group is changed by the keys that it has, or not at all."""
    rows = {row.check: row.verdict for row in conform(OtherKey, "gd").rows}

    assert rows["groups"] is Verdict.NOT_APPLICABLE
    assert rows["hyper-lr"] is Verdict.CONFORMS


def test_nothing_is_said_of_gradients_that_were_not_watched() -> None:
    """A class that asks for its gradients by a closure may do with them as it likes."""
    pytest.importorskip("schedulefree")
    with quiet():
        pair = pair_of("schedulefree.SGDScheduleFreeClosure")
        check = next(c for c in CONTRACT if c.id == "gradient-kept")

    assert apply(check, pair).verdict is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(
    ("checks", "exact", "scope"),
    [
        (["gradient-kept"], True, Scope.GRADIENTS),
        (["gradient-kept", "groups"], True, Scope.CONTRACT),
        (["gradient-kept", "huge-gradients"], True, Scope.EXTREMES),
        (["first-step", "groups"], False, Scope.PRECISION),
        (["first-step", "groups"], True, Scope.STEPS),
    ],
)
def test_the_scope_is_the_least_that_the_deviations_say(
    checks: list[str], exact: bool, scope: Scope
) -> None:
    """Whose steps are right is told from whose steps are not; a guess is a matter of precision."""
    rows = [
        Row(check=c, statement="", expected="", got="", verdict=Verdict.DEVIATES) for c in checks
    ]
    found = Conformance(
        name="Mine",
        equation="gd",
        rows=tuple(rows),
        diagnosis=Diagnosis("as it is", exact=exact),
        notes=(),
    )

    assert found.scope is scope
    assert ("takes the steps of gd" in found.summary()) is (scope is Scope.GRADIENTS)


def test_a_class_that_the_installed_version_lacks_is_left_out_aloud(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An older torch has no Muon: the survey says so, and goes on."""
    few = {name: CLAIMS[name] for name in ("torch.Adagrad",)}
    monkeypatch.setattr(surveyed, "CLAIMS", {"torch.Gone": {"muon": CLAIMS["torch.Muon"]}, **few})
    said: list[str] = []
    found = surveyed.survey(said.append)

    assert found.absent == ["torch.Gone"]
    assert said[0] == f"torch.Gone is left out: torch {found.versions['torch']} does not have it"
    assert [entry.found.name for entry in found.entries] == ["torch.Adagrad"]
    assert {"torch.SGD", "torch.Rprop"} <= set(found.others)


def test_nothing_of_torch_is_left_out_silently() -> None:
    """Every class of torch.optim has an equation here, or is one of two that have none."""
    own = {f"torch.{n}" for n, v in vars(torch.optim).items() if isinstance(v, type)}

    assert own - set(CLAIMS) == {"torch.Optimizer", "torch.Rprop", "torch.SparseAdam"}
