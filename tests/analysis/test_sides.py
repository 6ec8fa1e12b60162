"""What is typed for the sides of a comparison is what is compared."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from optbench.analysis.sides import named, of_the_same_specs, of_version, read_side
from optbench.analysis.summary import summarize
from optbench.core.errors import OptbenchError
from optbench.core.run import Run
from optbench.store import Record

Make = Callable[..., Run]


def record(run: Run, code: str, created: str = "2026-01-01") -> Record:
    """Return a run as code of a fingerprint made it."""
    key = f"{run.spec.digest}{code}{created}"
    return Record(run=run, key=key, fingerprint=code, environment={}, created=created)


@pytest.mark.parametrize(
    ("text", "name", "version"),
    [
        ("adam", "adam", ""),
        ("adam@old", "adam", "old"),
        ("adam@3f2a", "adam", "3f2a"),
        ("adam, cosine@new", "adam, cosine", "new"),
        ("adamw:weight_decay@bias=0", "adamw:weight_decay@bias=0", ""),
        ("adamw:weight_decay@bias=0@old", "adamw:weight_decay@bias=0", "old"),
    ],
)
def test_a_version_stands_behind_the_last_at(text: str, name: str, version: str) -> None:
    """An @ inside of the parameters is none of a version."""
    side = read_side(text)
    assert (side.name, side.version) == (name, version)


@pytest.mark.parametrize("text", ["@old", "adam@"])
def test_half_a_version_is_refused(text: str) -> None:
    """Nothing before or after the sign is one clear line."""
    with pytest.raises(OptbenchError, match="is not an optimizer, nor optimizer@version"):
        read_side(text)


def test_names_and_patterns(made: Make) -> None:
    """The name of a row wins; else the optimizer's own, or a pattern for one row a problem."""
    rows = summarize(
        [
            made(name="adam"),
            made(name="adam", schedule="cosine"),
            made(name="gd", params={"b": 1}),
            made(name="gd", params={"b": 2}, problem="q"),
        ]
    )

    def names(text: str) -> set[str]:
        return {row.name for row in named(rows, read_side(text))}

    assert names("adam") == {"adam"}
    assert names("adam, cosine") == names("*cosine") == {"adam, cosine"}
    assert names("gd") == {"gd:b=1", "gd:b=2"}  # on different problems
    assert names("gd:b=1") == {"gd:b=1"}
    with pytest.raises(OptbenchError, match=r"stands for several .*'adam'; 'adam, cosine'"):
        named(rows, read_side("a*"))
    with pytest.raises(OptbenchError, match="unknown optimizer 'adm'; did you mean adam"):
        named(rows, read_side("adm"))


def test_versions_are_told_by_age_and_fingerprint(made: Make) -> None:
    """New is each spec's newest run, old the one before; digits pick what code made."""
    runs = {
        code: [made(seed=s, gaps=(1.0, g)) for s in range(2)]
        for code, g in (("aa1", 0.3), ("aa2", 0.2), ("bb", 0.1))
    }
    days = {"aa1": "2026-01-01", "aa2": "2026-01-02", "bb": "2026-01-03"}
    records = [record(run, code, days[code]) for code, of in runs.items() for run in of]
    records.append(record(made(seed=7), "bb", "2026-01-03"))

    for order in itertools.islice(itertools.permutations(records), 0, 5040, 700):
        ends = {
            version: sorted(
                run.last("suboptimality") for run in of_version(order, read_side(f"gd@{version}"))
            )
            for version in ("old", "new", "aa1", "b")
        }
        assert ends == {
            "old": [0.2, 0.2],
            "new": [0.1, 0.1, 0.5],
            "aa1": [0.3, 0.3],
            "b": [0.1, 0.1, 0.5],
        }


def test_an_unclear_version_lists_what_there_is(made: Make) -> None:
    """Digits of several, of none, and an old one where there is one version: each is told."""
    one = [record(made(), "aaa1")]
    two = [*one, record(made(), "aaa2", "2026-01-02")]
    with pytest.raises(
        OptbenchError,
        match=r"gd@aaa: that means several .*@aaa1 \(1 runs until 2026-01-01\), @aaa2",
    ):
        of_version(two, read_side("gd@aaa"))
    with pytest.raises(OptbenchError, match="gd@c: no version begins so; there are @aaa1"):
        of_version(two, read_side("gd@c"))
    with pytest.raises(OptbenchError, match="gd@old: there is but one version; there are @aaa1"):
        of_version(one, read_side("gd@old"))


def test_both_sides_are_tuned_over_the_same_specs(made: Make) -> None:
    """A learning rate that one side alone tried does not count."""
    a = [made(lr=lr, gaps=(1.0, lr)) for lr in (0.1, 0.2, 0.3)]
    b = [made(lr=lr, gaps=(1.0, lr)) for lr in (0.2, 0.3, 0.4)]
    (row_a,), (row_b,) = of_the_same_specs(a, b)

    assert row_a.learning_rates == row_b.learning_rates == (0.2, 0.3)
    assert row_a.best_lr == 0.2
    with pytest.raises(OptbenchError, match="no run of one spec in common"):
        of_the_same_specs(a[:1], b)
