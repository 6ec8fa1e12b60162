"""Cards and suites: what is shipped is right, and what a user gets wrong is said."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import pytest

from optbench.cards import cards, cards_root
from optbench.core.errors import OptbenchError
from optbench.core.spec import Spec
from optbench.core.training import Training
from optbench.data.library import DataMissingError
from optbench.request import Request, expand, named_runs
from optbench.suites import Nightly, load_suite, suite_names

SUITE = """
about = "mine"
reference = "none"
lr = "1e-3..1:4"

[[runs]]
problems = ["*"]
optimizers = ["gd", "adam:beta1=0.8/0.9"]
"""
CARD = """
about = "my quadratic"
reference = "none"
family = "quadratic"

[params]
dim = 7
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a suite of a user's own."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "suite.toml").write_text(SUITE)
    (tmp_path / "mine" / "easy.toml").write_text(CARD)
    return tmp_path / "mine"


@pytest.mark.parametrize("name", suite_names())
def test_every_suite_expands_to_distinct_runs(name: str) -> None:
    """The shipped suites are valid, and no entry asks for nothing."""
    for request in load_suite(name).requests:
        assert named_runs(request)
        with contextlib.suppress(DataMissingError):
            assert expand(request)


def test_card_names_are_unique() -> None:
    """A name means one card, in whichever suite it lies."""
    names = [p.stem for p in cards_root().glob("*/*.toml") if p.name != "suite.toml"]

    assert sorted(names) == sorted(cards())
    assert len(names) == len(set(names))


def test_the_convex_suite_covers_what_it_promises() -> None:
    """Kappa from 10 to 1e5, at least 21 rates over six decades, five seeds where there is noise."""
    specs = [spec for request in load_suite("convex").requests for spec in expand(request)]
    kappas = {dict(s.problem.params).get("kappa") for s in specs if s.problem.name == "quadratic"}
    rates = {dict(s.optimizer.params)["lr"] for s in specs if s.optimizer.name == "gd"}
    numbers = sorted(rate for rate in rates if isinstance(rate, float))
    noisy = {spec.seed for spec in specs if dict(spec.problem.params).get("noise")}
    data = {dict(s.problem.params).get("data") for s in specs if s.problem.name == "logistic"}

    assert len(specs) >= 500
    assert {10.0, 1e5} <= kappas
    assert len(numbers) >= 21
    assert numbers[-1] / numbers[0] >= 1e6 * (1 - 1e-9)
    assert noisy >= {0, 1, 2, 3, 4}
    assert "breast-cancer" in data


def test_the_smoke_suite_runs_every_family_and_every_equation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing that is registered is left out, but what needs an extra package or other data."""
    from optbench.families import FAMILIES
    from optbench.families.find import build, complete_problem
    from optbench.optimizers import OPTIMIZERS

    specs = [spec for request in load_suite("smoke").requests for spec in expand(request)]

    monkeypatch.setenv("OPTBENCH_DATA", str(tmp_path))
    build.cache_clear()
    left_out = []
    for name in set(FAMILIES) - {spec.problem.name for spec in specs}:
        with contextlib.suppress(DataMissingError):
            build(complete_problem(Spec(name)))
            left_out.append(name)

    assert left_out == []
    assert {spec.optimizer.name for spec in specs} >= set(OPTIMIZERS) - {"kfac"}


def test_a_users_folder_is_a_suite(folder: Path) -> None:
    """Its cards are found by glob, and grids multiply."""
    (request,) = load_suite(str(folder)).requests
    specs = expand(request)

    assert len(specs) == 4 + 2 * 4
    assert {spec.problem_label for spec in specs} == {"easy"}
    assert {dict(spec.problem.params)["dim"] for spec in specs} == {7}


def test_a_copied_suite_uses_its_own_cards(tmp_path: Path) -> None:
    """Editing a copy of a built-in card changes the copy's runs."""
    copy = tmp_path / "convex"
    shutil.copytree(cards_root() / "convex", copy)
    path = copy / "quadratic-k10.toml"
    path.write_text(path.read_text().replace("dim = 100", "dim = 3"))
    dims = {
        dict(spec.problem.params).get("dim")
        for request in load_suite(str(copy)).requests[:1]
        for spec in expand(request)
        if spec.problem_label == "quadratic-k10"
    }

    assert dims == {3}


def test_a_suite_takes_starts_and_targets_in_any_measure(folder: Path) -> None:
    """A card's vector is one value, and targets are numbers or texts."""
    card = CARD.replace('"quadratic"', '"rosenbrock"').replace("dim = 7", 'start = "1.50/2"')
    (folder / "easy.toml").write_text(card)
    (folder / "suite.toml").write_text('targets = ["distance=1e-3", "distance=.1"]\n' + SUITE)
    specs = [spec for request in load_suite(str(folder)).requests for spec in expand(request)]

    assert {dict(spec.problem.params)["start"] for spec in specs} == {"1.5/2"}
    assert {(spec.target_measure, spec.targets) for spec in specs} == {("distance", (0.1, 1e-3))}


def test_a_suite_says_how_and_where_to_train(folder: Path) -> None:
    """Device and options of training are keys of the suite and of its entries."""
    (folder / "suite.toml").write_text(
        'device = "cuda"\nprecision = "bf16"\nevaluations = 5\n'
        + SUITE.replace('["*"]', '["tests.tasks:digits"]')
        + "evaluations = 7\ncompile = true\n"
    )
    (request,) = load_suite(str(folder)).requests

    assert request.device == "cuda"
    assert request.training == Training(precision="bf16", evaluations=7, compile=True)


def test_one_file_alone_is_a_suite(tmp_path: Path) -> None:
    """It is named after the file, and the other TOML files beside it are none of its business."""
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'mine'\n")
    path = tmp_path / "optbench.toml"
    path.write_text(SUITE.replace('["*"]', '["quadratic"]'))
    suite = load_suite(str(path))

    assert suite.name == "optbench"
    assert len(expand(*suite.requests)) == 12


@pytest.mark.parametrize("name", ["./mine.toml", "mine.toml", "mine/suite.toml", "./mine"])
def test_a_suite_that_is_not_there_is_named(name: str) -> None:
    """A path that leads nowhere is one line with the path."""
    with pytest.raises(OptbenchError, match=f"no suite at {name}"):
        load_suite(name)


def test_a_suite_says_what_a_night_looks_at(folder: Path) -> None:
    """The table nightly has lists of texts and a number; without it there is nothing besides."""
    assert load_suite(str(folder)).nightly == Nightly()
    table = '[nightly]\nclaims = "GD-03"\nconform = ["torch.Adam"]\nroundings = 2\n'
    (folder / "suite.toml").write_text(SUITE + table)
    nightly = load_suite(str(folder / "suite.toml")).nightly

    assert nightly == Nightly(claims=("GD-03",), conform=("torch.Adam",), roundings=2)
    assert load_suite(f"{folder}/suite.toml").name == "mine"


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("suite.toml", SUITE + "[nightly]\nclaim = 'GD'\n", "'claim'; did you mean claims"),
        ("suite.toml", SUITE + "[nightly]\nclaims = [3]\n", "claims must be a list of texts"),
        ("suite.toml", SUITE + "[nightly]\nroundings = true\n", "whole number from 0 to 100"),
        ("suite.toml", "nightly = 3\n" + SUITE, "nightly must be a table"),
        (
            "suite.toml",
            SUITE + "optimisers = 3\n",
            "unknown key 'optimisers'; did you mean optimizers",
        ),
        ("suite.toml", "sseds = 3\n" + SUITE, "unknown key 'sseds'; did you mean seeds"),
        ("suite.toml", "seeds = 0\n" + SUITE, "seeds must be at least 1"),
        ("suite.toml", "seeds = 'many'\n" + SUITE, "suite.toml"),
        ("suite.toml", "budget = 0\n" + SUITE, "budget must be"),
        ("suite.toml", "budget = true\n" + SUITE, "budget must be a number, got True"),
        ("suite.toml", "device = 'gpu'\n" + SUITE, "suite.toml: unknown device 'gpu'"),
        ("suite.toml", "precision = 'bf61'\n" + SUITE, "precision 'bf61'; did you mean bf16"),
        ("suite.toml", "compile = 1\n" + SUITE, "compile must be true or false, got 1"),
        ("suite.toml", "sharpness = 'yes'\n" + SUITE, "sharpness must be true or false"),
        ("suite.toml", "accumulate = 0\n" + SUITE, "accumulate must be a whole number from 1 on"),
        ("suite.toml", "evaluations = [5]\n" + SUITE, "evaluations must be a whole number"),
        ("suite.toml", "evaluations = 5\n" + SUITE, "evaluations: only learning problems take"),
        ("suite.toml", "evaluation = 5\n" + SUITE, "did you mean evaluations"),
        (
            "suite.toml",
            SUITE.replace('["*"]', '["hard-*"]'),
            "no card in this folder matches 'hard-",
        ),
        ("suite.toml", SUITE.replace('about = "mine"', ""), "the key 'about' is missing"),
        ("suite.toml", SUITE.replace("problems", "problem"), "unknown key 'problem'"),
        ("suite.toml", SUITE.replace('problems = ["*"]', ""), "lacks problems"),
        ("suite.toml", "a = [1, 2\n", "suite.toml: "),
        ("suite.toml", SUITE + "lr = 1\nlr = 2\n", "overwrite"),
        ("easy.toml", CARD + "\nextra = [1]\n", "params must be"),
        ("easy.toml", CARD + "\nstart = '1//2'\n", "neither a number"),
        ("easy.toml", CARD + "\nstart = '1/2'\n", "start has 2 numbers, quadratic has 7"),
        ("easy.toml", "familly = 'x'\n" + CARD, "did you mean family"),
        ("easy.toml", CARD.replace('family = "quadratic"', ""), "'family' is missing"),
        ("easy.toml", CARD.replace("dim = 7", "dim = 0"), r"dim must be in \[1, 1e\+07\]"),
        ("easy.toml", CARD.replace("dim = 7", "dmi = 7"), "did you mean dim"),
        ("easy.toml", CARD.replace('"quadratic"', '"quadratik"'), "did you mean quadratic"),
    ],
)
def test_mistakes_in_cards_are_named(folder: Path, file: str, text: str, complaint: str) -> None:
    """Each mistake gets one line with the file or the thing in it, before anything runs."""
    (folder / file).write_text(text)
    with pytest.raises(OptbenchError, match=complaint):
        _expand_all(str(folder))


def _expand_all(name: str) -> None:
    for request in load_suite(name).requests:
        expand(request)


def test_encodings(folder: Path) -> None:
    """A byte-order mark and Windows line ends are read; what is not UTF-8 is named."""
    (folder / "easy.toml").write_bytes(b"\xef\xbb\xbf" + CARD.replace("\n", "\r\n").encode())
    _expand_all(str(folder))
    (folder / "easy.toml").write_bytes(CARD.replace("my", "\xe4").encode("latin-1"))
    with pytest.raises(OptbenchError, match=r"easy\.toml: cannot be read as UTF-8"):
        _expand_all(str(folder))


def test_unknown_suites_are_answered_with_the_known_ones() -> None:
    """A bare word is a name, anything with a separator is a path."""
    with pytest.raises(OptbenchError, match="unknown suite 'convx'; did you mean convex"):
        load_suite("convx")
    with pytest.raises(OptbenchError, match=r"no suite at \./convex"):
        load_suite("./convex")


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"problems": ("quadratik",)}, "did you mean quadratic"),
        ({"optimizers": ("adm",)}, "did you mean adam"),
        ({"optimizers": ("torch.Adma",)}, "did you mean torch.Adam"),
        ({"schedules": ("cosin",)}, "did you mean cosine"),
        ({"problems": ("quadratic:kappa=0.5",)}, "kappa must be"),
        ({"problems": ("quadratic-k10:dim=3",)}, "a card without parameters"),
        ({"lr": ("-1",)}, "lr must be"),
        ({"seeds": 0}, "seeds"),
        ({"budget": 0.0}, "budget"),
        ({"targets": (2.0,)}, "target must be"),
        ({"targets": ("distnace=1",)}, "did you mean distance"),
        ({"targets": ("distance=near",)}, "target 'distance=near' is not a number"),
        ({"targets": ("gradient_norm=-1",)}, "target of gradient_norm must be a number from 0 on"),
        ({"targets": ("value=inf",)}, "target of value must be"),
        ({"targets": (0.1, "distance=1")}, "one measure, got distance and suboptimality"),
        ({"dtype": "float16"}, "unknown dtype"),
        ({"device": "tpu"}, "unknown device"),
        ({"record": "all"}, "unknown record"),
        ({"optimizers": ("scipy.CG",), "schedules": ("cosine",)}, "no learning rate to schedule"),
    ],
)
def test_requests_are_checked_before_anything_runs(
    fields: dict[str, object], complaint: str
) -> None:
    """Whatever is out of range or unknown is said when the request is read."""
    base: dict[str, object] = {"problems": ("quadratic",), "optimizers": ("gd",)}
    with pytest.raises(OptbenchError, match=complaint):
        expand(Request(**(base | fields)))  # type: ignore[arg-type]
