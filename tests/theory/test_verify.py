"""How claims are chosen, run, judged and tried again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from optbench.core.errors import OptbenchError
from optbench.core.spec import RunSpec, parse_one
from optbench.theory import verdicts
from optbench.theory.claim import Check, Claim, Evidence, Key, Kind, claim
from optbench.theory.finding import Finding, Verdict
from optbench.theory.setting import Setting
from optbench.theory.tolerance import E1, E2
from optbench.theory.verify import choose, read_substitute, select, verify

BROKEN = """
import torch

class Raises(torch.optim.SGD):
    def step(self, closure=None):
        raise RuntimeError("out of paper")

class Explodes(torch.optim.SGD):
    def __init__(self, params, lr):
        super().__init__(params, lr=9 * lr)

class Plain:
    def __init__(self, params, lr):
        self.params, self.lr = list(params), lr

    def zero_grad(self):
        for p in self.params:
            p.grad = None

    @torch.no_grad()
    def step(self, closure=None):
        for p in self.params:
            p -= self.lr * p.grad
"""


def _runs(setting: Setting) -> Mapping[Key, RunSpec]:
    return {"only": setting.run("parabola:curvature=1", "gd:lr=.5", steps=8 * setting.effort)}


def _halved(evidence: Evidence) -> Finding:
    run = evidence.runs["only"]
    return verdicts.equals(run.last("distance"), 0.5 ** run.last("step"), evidence.tolerance)


def _claim(check: Check = _halved, name: str = "XX-01", **options: object) -> Claim:
    settings: dict[str, object] = {"rule": "gd", "runs": _runs, "tolerance": E1} | options
    return claim(
        name,
        "Half remains.",
        formula="x",
        assumptions="none",
        source="nobody",
        kind=Kind.IDENTITY,
        **settings,  # type: ignore[arg-type]
    )(check)


def _only(chosen: Claim, optimizer: str = "") -> Finding:
    (row,) = verify([chosen], substitute=read_substitute(optimizer) if optimizer else None)
    return row.finding


@pytest.fixture
def broken(tmp_path: Path) -> str:
    """A file of optimizers, three of them wrong."""
    path = tmp_path / "own.py"
    path.write_text(BROKEN)
    return str(path)


def test_a_claim_is_run_through_the_harness_and_judged() -> None:
    """What was measured comes from the run that the claim named."""
    finding = _only(_claim())
    assert (finding.verdict, finding.measured) == (Verdict.PASS, 0.5**8)


def test_a_users_class_takes_the_place_of_the_rule(broken: str) -> None:
    """A class with lr= alone is held to what gradient descent is held to."""
    assert _only(_claim(), f"{broken}:Plain").verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("optimizer", "verdict", "reason"),
    [
        ("Raises", Verdict.FAIL, "out of paper"),
        ("Explodes", Verdict.FAIL, "diverged at step"),
    ],
)
def test_an_optimizer_that_fails_gets_a_row_and_the_rest_go_on(
    broken: str, optimizer: str, verdict: Verdict, reason: str
) -> None:
    """One row a claim, each with the reason."""
    claims = [
        _claim(name="XX-01", runs=_long),
        _claim(name="XX-02", runs=_momentum, rule="heavy_ball"),
        _claim(name="XX-03", rule="", runs=lambda setting: {}),
    ]
    rows = verify(claims, substitute=read_substitute(f"{broken}:{optimizer}"))
    assert [row.claim.id for row in rows] == ["XX-01", "XX-02", "XX-03"]
    assert rows[0].finding.verdict is verdict
    assert reason in rows[0].finding.reason
    assert "is about no optimizer" in rows[2].finding.reason


def _long(setting: Setting) -> Mapping[Key, RunSpec]:
    return {"only": setting.run("parabola:curvature=1", "gd:lr=.5", steps=400)}


def _momentum(setting: Setting) -> Mapping[Key, RunSpec]:
    return {"only": setting.run("parabola:curvature=1", "heavy_ball:lr=.5,beta=.3", steps=4)}


def test_what_the_optimizer_does_not_take_skips_the_row(broken: str) -> None:
    """A claim about momentum says which argument is missing, and does not count."""
    finding = _only(_claim(rule="heavy_ball", runs=_momentum), f"{broken}:Plain")
    assert finding.verdict is Verdict.SKIPPED
    assert finding.reason.endswith("takes no momentum=, which this needs")


def test_a_rule_without_a_learning_rate_is_not_held_against_one_with(broken: str) -> None:
    """Line search finds its own steps: gradient descent with lr= is no candidate for it."""

    def runs(setting: Setting) -> Mapping[Key, RunSpec]:
        return {"only": setting.run("parabola:curvature=1", "conjugate_gradient", steps=1)}

    chosen = _claim(rule="conjugate_gradient", runs=runs)
    finding = _only(chosen, f"{broken}:Plain")
    assert finding.verdict is Verdict.SKIPPED
    assert finding.reason.endswith(
        "takes lr=, and conjugate_gradient, which this is about, has none"
    )


def test_a_check_that_breaks_is_a_row_that_fails() -> None:
    """An exception in a check is not an exception of the command."""

    def check(evidence: Evidence) -> Finding:
        raise IndexError("nothing there")

    finding = _only(_claim(check))
    assert finding.verdict is Verdict.FAIL
    assert "IndexError: nothing there" in finding.reason


def test_a_run_that_diverges_fails_claims_that_do_not_expect_it() -> None:
    """Only a claim that says so may look at a run that diverged."""

    def runs(setting: Setting) -> Mapping[Key, RunSpec]:
        return {"only": setting.run("parabola:curvature=1", "gd:lr=9", steps=99)}

    def check(evidence: Evidence) -> Finding:
        status = str(evidence.runs["only"].status)
        return verdicts.holds(status == "diverged", theory="diverges", measured=status)

    assert _only(_claim(check, runs=runs)).reason.startswith("gd diverged at step")
    assert _only(_claim(check, runs=runs, diverges=True)).verdict is Verdict.PASS


def test_an_inconclusive_check_is_tried_with_four_times_the_effort() -> None:
    """As often as the claim allows, and no more."""
    seen: list[float] = []

    def check(evidence: Evidence) -> Finding:
        seen.append(evidence.runs["only"].last("step"))
        if len(seen) < 3:
            return verdicts.inconclusive(0.0, "too short")
        return verdicts.holds(True, theory="", measured="")

    assert _only(_claim(check, retries=2)).verdict is Verdict.PASS
    assert seen == [8, 32, 128]
    seen.clear()
    assert _only(_claim(check, retries=1)).verdict is Verdict.INCONCLUSIVE
    assert seen == [8, 32]


@pytest.mark.parametrize(("again", "verdict"), [(True, Verdict.FAIL), (False, Verdict.PASS)])
def test_chance_needs_two_seeds_to_fail(again: bool, verdict: Verdict) -> None:
    """A sampled claim fails only when a second, independent seed fails too."""
    seeds: list[int] = []

    def check(evidence: Evidence) -> Finding:
        seeds.append(evidence.setting.seed)
        good = evidence.setting.seed == 1 and not again
        return verdicts.holds(good, theory=1.0, measured=0.0)

    finding = _only(_claim(check, sampled=True))
    assert finding.verdict is verdict
    assert seeds == [0, 1]
    assert finding.reason.startswith("the first seed failed") is not again


def test_what_is_certain_fails_at_once() -> None:
    """A claim without chance is not tried again."""
    tries: list[int] = []

    def check(evidence: Evidence) -> Finding:
        tries.append(evidence.setting.seed)
        return verdicts.holds(False, theory="", measured="")

    assert _only(_claim(check)).verdict is Verdict.FAIL
    assert tries == [0]


def test_claims_that_name_the_same_run_share_it() -> None:
    """The planner sees each run once."""
    made: list[int] = []

    def check(evidence: Evidence) -> Finding:
        made.append(id(evidence.runs["only"]))
        return verdicts.holds(True, theory="", measured="")

    verify([_claim(check, "XX-01"), _claim(check, "XX-02")])
    assert made[0] == made[1]


def test_a_missing_extra_skips_the_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason says what to install."""
    monkeypatch.setattr("optbench.theory.verify.EXTRAS", {"pepit": "no_such_module"})
    finding = _only(_claim(extra="pepit"))
    assert (finding.verdict, finding.reason) == (
        Verdict.SKIPPED,
        'needs pip install "optbench[pepit]"',
    )


def test_patterns_choose_by_id_glob_and_stem() -> None:
    """`GD-1*` is a glob, `GD-01` stands for GD-01a too, case does not matter, order is kept."""
    claims = [_claim(name=name) for name in ("GD-01a", "GD-01b", "GD-10", "HB-01")]

    def chosen(*patterns: str) -> list[str]:
        return [c.id for c in select(claims, patterns)]

    assert chosen() == ["GD-01a", "GD-01b", "GD-10", "HB-01"]
    assert chosen("hb-01", "GD-01") == ["GD-01a", "GD-01b", "HB-01"]
    assert chosen("gd-1*") == ["GD-10"]
    with pytest.raises(OptbenchError, match="did you mean GD-10"):
        chosen("GD-1")


def test_without_ids_an_optimizer_is_held_to_what_its_signature_allows(broken: str) -> None:
    """lr= alone: gradient descent's claims; momentum= too: heavy ball's as well."""
    plain, _ = choose((), read_substitute(f"{broken}:Plain"))
    momentum, _ = choose((), parse_one("torch.SGD"))
    assert {c.rule for c in plain} == {"gd"}
    assert {c.rule for c in momentum} == {"gd", "heavy_ball"}


def test_a_glob_holds_an_optimizer_to_the_method_of_its_family(broken: str) -> None:
    """A right heavy ball is not put in the place of Nesterov's momentum, unless that is named."""
    plain = read_substitute(f"{broken}:Plain")
    chosen, reasons = choose(("HB-*", "GD-*"), plain)
    (left_out,) = reasons.values()
    named, nothing = choose(("HB-03c", "hb-*"), plain)

    assert {c.rule for c in chosen} == {"gd", "heavy_ball"}
    assert {"HB-03b", "HB-03c", "GD-16"} <= {c.id for c in left_out}
    assert "HB-03c" in {c.id for c in named}
    assert not {c.id for c in named} & {c.id for out in nothing.values() for c in out}
    assert choose(("HB-*",))[1] == {}


def test_quick_leaves_out_the_long_ones_and_names_them() -> None:
    """Chosen and left out are all there are."""
    chosen, reasons = choose((), quick=True)
    everything, nothing = choose(())
    (left_out,) = reasons.values()
    assert not nothing
    assert {c.id for c in chosen} | {c.id for c in left_out} == {c.id for c in everything}
    assert not any(c.long for c in chosen)


def test_an_unknown_hyperparameter_of_the_substitute_is_named() -> None:
    """Before anything runs."""
    with pytest.raises(OptbenchError, match=r"unknown parameter of torch\.SGD: 'momentun'"):
        read_substitute("torch.SGD:momentun=.9")


@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        ("torch.SGD:lr=.1", "every claim gives a learning rate of its own; leave lr= out"),
        ("torch.SGD:momentum=7", "momentum must be in"),
        ("torch.SGD:momentum=.1/.2", "stands for 2 specs where one is needed"),
        ("", "'' is not a spec"),
    ],
)
def test_a_substitute_is_refused_before_anything_runs(optimizer: str, message: str) -> None:
    """What no claim could use as it is written is the caller's mistake, not a row."""
    with pytest.raises(OptbenchError, match=message):
        read_substitute(optimizer)


def test_an_optimizer_that_asks_for_more_gradients_is_not_judged() -> None:
    """L-BFGS spends the budget of several steps on one: its row says how far it got."""
    finding = _only(_claim(), "torch.LBFGS")
    assert finding.verdict is Verdict.SKIPPED
    assert (
        finding.reason == "torch.LBFGS got to step 0 of 8: it needs more than one gradient a step"
    )


def test_where_no_id_is_near_the_families_are_told() -> None:
    """A screen of all ids would hide what was wrong."""
    claims = [_claim(name=name) for name in ("GD-01a", "GD-01b", "HB-01")]
    with pytest.raises(OptbenchError, match=r"unknown claim 'QQQ' \(known: GD-\*, HB-\*\)"):
        select(claims, ["qqq"])


def test_tolerances_say_what_they_allow() -> None:
    """As tables show them."""
    assert (str(E1), str(E2)) == ("1e-12 relative", "1e-09 relative")
