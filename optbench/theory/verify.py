"""Checks claims: makes their runs through the harness, judges each, tries again where it must."""

from __future__ import annotations

import difflib
import fnmatch
import importlib.util
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from optbench.analysis.tables import printable
from optbench.core.errors import OptbenchError, unknown
from optbench.core.groups import complete_grouped
from optbench.core.run import Run, Status
from optbench.core.spec import RunSpec, Spec, parse_one
from optbench.engines.execute import horizon
from optbench.engines.planner import plan
from optbench.executors.local import execute
from optbench.optimizers.find import find_optimizer
from optbench.request import optimizer_vectors
from optbench.theory.claim import Claim, Evidence, Key
from optbench.theory.claims import load_claims
from optbench.theory.finding import Finding, Verdict
from optbench.theory.probes.steps import ProbeError
from optbench.theory.setting import TWINS, LackingError, Setting

EXTRAS = {"pepit": "PEPit", "curvature": "singd", "zoo": "pytorch_optimizer"}
"""Optional dependency to the module that shows whether it is installed."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A claim and what came out of its check.

    Attributes:
        claim: The claim.
        finding: Verdict, numbers, picture.
        optimizer: The optimizer that was checked: the rule, or the user's in its place.
    """

    claim: Claim
    finding: Finding
    optimizer: str


def select(claims: Sequence[Claim], patterns: Sequence[str]) -> list[Claim]:
    """Return the claims that some pattern matches, in their own order.

    Args:
        claims: All of them.
        patterns: Ids or globs such as `K-*`, in any case of letters; an id without its last letter
            stands for all its parts. None stands for every claim.

    Raises:
        OptbenchError: For a pattern that matches nothing; the message suggests the nearest id, or
            names the families where none is near.
    """
    ids = [c.id for c in claims]
    if not patterns:
        return list(claims)
    chosen: set[str] = set()
    for pattern in patterns:
        found = {c.id for c in claims if _matches(c.id, pattern)}
        if not found:
            near = difflib.get_close_matches(pattern.upper(), ids, cutoff=0.5)
            raise unknown("claim", pattern.upper(), ids if near else _families(claims))
        chosen |= found
    return [c for c in claims if c.id in chosen]


def _families(claims: Sequence[Claim]) -> list[str]:
    return [f"{family}-*" for family in {c.family for c in claims}]


def read_substitute(text: str) -> Spec:
    """Read a user's optimizer, `my_file.py:MyGD` or `torch.SGD:nesterov=true`.

    Raises:
        OptbenchError: When there is none of that name, it does not take a hyperparameter or its
            value, or a learning rate is given, which is each claim's own.
    """
    spec = parse_one(text, optimizer_vectors)
    complete_grouped(spec.name, find_optimizer(spec.name).parameters, dict(spec.params))
    if "lr" in dict(spec.params):
        raise OptbenchError(f"{text}: every claim gives a learning rate of its own; leave lr= out")
    return spec


def choose(
    patterns: Sequence[str], substitute: Spec | None = None, *, quick: bool = False
) -> tuple[list[Claim], dict[str, list[Claim]]]:
    """Return the claims to check, and those left out with the reason.

    Args:
        patterns: Ids or globs, see `select`. With a user's optimizer none stands for the claims
            about gradient descent, and about heavy ball where its signature names a momentum; a
            glob stands for those about gradient descent and the method that most of the family is
            about, so that a right heavy ball is not held to the claim about Nesterov's momentum.
        substitute: The user's optimizer.
        quick: Whether claims marked long are left out.

    Raises:
        OptbenchError: For a pattern that matches nothing.
    """
    chosen = select(load_claims(), patterns)
    left_out: dict[str, list[Claim]] = {}
    if substitute is not None and not patterns:
        parameters = find_optimizer(substitute.name).parameters
        rules = {"gd", "heavy_ball"} if parameters.keys() & TWINS.keys() else {"gd"}
        chosen = [c for c in chosen if c.rule in rules]
    elif substitute is not None:
        ids = [pattern for pattern in patterns if not set("*?[") & set(pattern)]
        named = select(chosen, ids) if ids else []
        left_out[ASIDE] = [c for c in chosen if c not in named and _is_aside(c)]
    if quick:
        left_out[LONG] = [c for c in chosen if c.long and c not in left_out.get(ASIDE, [])]
    gone = [c for claims in left_out.values() for c in claims]
    return [c for c in chosen if c not in gone], {why: out for why, out in left_out.items() if out}


LONG = "because they take long"
ASIDE = "because they are about another method than their family; to check one, name it"


def _is_aside(claim: Claim) -> bool:
    family = Counter(c.rule for c in load_claims() if c.family == claim.family)
    return claim.rule not in ("gd", family.most_common(1)[0][0])


def _matches(name: str, pattern: str) -> bool:
    name, pattern = name.lower(), pattern.lower()
    return fnmatch.fnmatchcase(name, pattern) or (name[:-1] == pattern and name[-1].isalpha())


def verify(
    claims: Sequence[Claim],
    *,
    substitute: Spec | None = None,
    jobs: int = 1,
    on_row: Callable[[Row], None] = lambda row: None,
) -> list[Row]:
    """Check claims.

    Claims that need runs of the same rule on the same problem share batches. A claim is judged as
    soon as its runs are there, while others still run.

    Args:
        claims: What to check.
        substitute: A user's optimizer, put in the place of each claim's rule.
        jobs: Processes that run; judging happens in this one.
        on_row: Called with each row when it is final.

    Returns:
        The rows, in the order of the claims.
    """
    rows: dict[str, Row] = {}
    waiting = [(c, Setting(claim=c.id, rule=c.rule, substitute=substitute)) for c in claims]
    first: dict[str, Finding] = {}
    while waiting:
        again = []
        for claim, setting, finding in _judged(waiting, jobs):
            retry = _retry(claim, setting, finding)
            if retry is not None:
                first.setdefault(claim.id, finding)
                again.append((claim, retry))
                continue
            if setting.seed and finding.verdict is not Verdict.FAIL:
                finding = replace(
                    finding, reason=f"the first seed failed. {finding.reason}".strip()
                )
            name = str(substitute.name) if substitute and claim.rule else claim.rule
            rows[claim.id] = Row(claim=claim, finding=finding, optimizer=name)
            on_row(rows[claim.id])
        waiting = again
    return [rows[c.id] for c in claims]


def _retry(claim: Claim, setting: Setting, finding: Finding) -> Setting | None:
    """Return the setting in which to try once more, or None when the finding stands."""
    if finding.verdict is Verdict.INCONCLUSIVE and setting.effort < 4**claim.retries:
        return replace(setting, effort=4 * setting.effort)
    if finding.verdict is Verdict.FAIL and claim.sampled and not setting.seed:
        return replace(setting, seed=1)
    return None


Waiting = tuple[Claim, Setting]
Judged = tuple[Claim, Setting, Finding]


def _judged(waiting: Sequence[Waiting], jobs: int) -> Iterator[Judged]:
    """Make the runs of some claims and yield each claim with its finding when it is judged."""
    wanted: list[tuple[Claim, Setting, Mapping[Key, RunSpec]]] = []
    idle = []
    for claim, setting in waiting:
        asked = _runs(claim, setting)
        if isinstance(asked, Finding):
            yield claim, setting, asked
        elif asked:
            wanted.append((claim, setting, asked))
        else:
            idle.append((claim, setting))
    batches = plan(spec for _, _, asked in wanted for spec in asked.values())
    finished = iter(execute(batches, jobs=min(jobs, len(batches))) if batches else ())
    # What needs no runs is judged here while the first batches run elsewhere.
    done: dict[str, Run] = {}
    for claim, setting in idle:
        yield claim, setting, _judge(claim, setting, {})
    for batch in finished:
        done |= {run.spec.digest: run for run in batch.runs}
        for entry in [w for w in wanted if all(s.digest in done for s in w[2].values())]:
            wanted.remove(entry)
            claim, setting, asked = entry
            runs = {key: done[spec.digest] for key, spec in asked.items()}
            yield claim, setting, _judge(claim, setting, runs)


def _runs(claim: Claim, setting: Setting) -> Mapping[Key, RunSpec] | Finding:
    """Return the runs that a claim needs, or why it cannot be checked."""
    if claim.extra and importlib.util.find_spec(EXTRAS[claim.extra]) is None:
        return _skipped(f'needs pip install "optbench[{claim.extra}]"')
    if setting.substitute is not None and not claim.rule:
        return _skipped("is about no optimizer, so none can take its place")
    try:
        return claim.runs(setting)
    except LackingError as error:
        return _skipped(str(error))
    except OptbenchError as error:
        return _failed(str(error))


def _judge(claim: Claim, setting: Setting, runs: Mapping[Key, Run]) -> Finding:
    for run in runs.values():
        if run.status is Status.REFUSED and setting.substitute is not None:
            return _skipped(run.message)
        if run.status.is_failure or run.status is Status.REFUSED:
            return _failed(f"a run ended as {run.status}: {run.message}")
        if run.status in (Status.DIVERGED, Status.NAN) and not claim.diverges:
            return _failed(f"{run.spec.optimizer.name} {run.status} at step {run.first_bad_step}")
        if setting.substitute is not None and _is_short(run):
            steps = f"step {run.last('step'):.0f} of {horizon(run.spec)}"
            why = "it needs more than one gradient a step"
            return _skipped(f"{run.spec.optimizer.name} got to {steps}: {why}")
    evidence = Evidence(runs=runs, setting=setting, tolerance=claim.tolerance)
    try:
        return claim.check(evidence)
    except LackingError as error:
        return _skipped(str(error))
    except ProbeError as error:
        return _failed(str(error))
    except (
        Exception
    ) as error:  # an optimizer that is wrong may break what a check takes for granted
        return _failed(f"could not be judged: {type(error).__name__}: {error}")


def _is_short(run: Run) -> bool:
    """Return whether the budget, counted in gradients, was spent before the last step."""
    return run.status is Status.BUDGET and run.last("step") < horizon(run.spec)


def _skipped(reason: str) -> Finding:
    return Finding(verdict=Verdict.SKIPPED, theory="", measured="", reason=printable(reason))


def _failed(reason: str) -> Finding:
    return Finding(verdict=Verdict.FAIL, theory="", measured="", reason=printable(reason))
