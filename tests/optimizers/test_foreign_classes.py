"""Every optimizer of the packages runs by its name, or says why it cannot."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from optbench.core.errors import OptbenchError
from optbench.core.run import Status
from optbench.optimizers.find import find_optimizer
from optbench.optimizers.foreign.packages import PACKAGES, classes, package_of
from optbench.optimizers.foreign.traits import TRAITS, traits_of
from tests.helpers import runs, specs

LAYERS = "mlp:hidden=3,examples=20"
NAMES = [
    name
    for package in ("torch", "pytorch_optimizer", "schedulefree", "prodigyopt", "singd")
    for name in classes(package)
]
OPTIONS = {
    "pytorch_optimizer.SaRA": ":lr=1e-3",  # it has no default
    "pytorch_optimizer.SpectralSphere": ":solver_max_iterations=5",  # it is slow
}


@pytest.mark.parametrize("name", NAMES)
def test_every_class_runs_or_says_why_not(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    """On matrices and vectors, with its defaults: finite values, or a reason; never a word more."""
    (run,) = runs(LAYERS, name + OPTIONS.get(name, ""), budget=20)

    if traits_of(find_class(name)).refused:
        assert run.status is Status.REFUSED
        assert f"{name} cannot run here: it " in run.message
    else:
        assert (run.status, run.message) == (Status.BUDGET, "")
        assert np.isfinite(run.curve["value"]).all()
        assert run.last("value") != run.curve["value"][0]
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", NAMES)
def test_every_class_runs_on_a_vector_or_says_why_not(name: str) -> None:
    """Rosenbrock in two dimensions, with a small learning rate: finite, or a reason."""
    rated = "lr" in find_optimizer(name).parameters
    (run,) = runs("rosenbrock", name + ":lr=1e-5" * rated, budget=20)

    if run.status is Status.REFUSED:
        needs = traits_of(find_class(name)).needs
        assert "cannot run here" in run.message or needs.matrices or needs.model
    else:
        assert (run.status, run.message) == (Status.BUDGET, "")
        assert np.isfinite(run.curve["value"]).all()


@pytest.mark.parametrize("name", NAMES)
def test_every_class_passes_the_check_with_its_defaults(name: str) -> None:
    """What runs is not refused beforehand, and what is refused is refused beforehand too."""
    method = find_optimizer(name)
    (spec,) = specs(LAYERS, name + OPTIONS.get(name, ""))
    assert not hasattr(method, "step")
    own = {k: v for k, v in spec.optimizer.params if k in _own(name)}

    if traits_of(find_class(name)).refused:
        with pytest.raises(OptbenchError, match="cannot run here"):
            method.check(**own)  # type: ignore[misc]
    else:
        method.check(**own)  # type: ignore[misc]


def test_no_name_of_pytorch_optimizer_is_left_out() -> None:
    """What the package lists as supported is found, and so is all of torch.optim."""
    import pytorch_optimizer
    import torch

    known = {name.rpartition(".")[2].lower() for name in classes("pytorch_optimizer")}
    torchs = {name for name in torch.optim.__all__ if name[0].isupper()} - {"Optimizer"}

    assert known >= set(pytorch_optimizer.get_supported_optimizers())
    assert {f"torch.{name}" for name in torchs} == set(classes("torch"))


def test_the_table_names_classes_that_exist() -> None:
    """No entry of the table of peculiarities is misspelt, so none is without effect."""
    assert set(TRAITS) <= set(NAMES)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_missing_package_is_one_line(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names the package and the extra that installs it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    with pytest.raises(OptbenchError) as error:
        find_optimizer.__wrapped__(f"{package}.Anything")

    assert str(error.value) == (
        f"the package {package} is not installed; {PACKAGES[package].install}"
    )


def test_the_extras_are_those_of_the_package() -> None:
    """What the messages tell to install installs what is missing."""
    import tomllib
    from pathlib import Path

    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    extras = tomllib.loads(text)["project"]["optional-dependencies"]
    listed = {
        line.split(">=")[0]: extra for extra in ("zoo", "curvature") for line in extras[extra]
    }

    assert {package: f"pip install 'optbench[{extra}]'" for package, extra in listed.items()} == {
        p: entry.install for p, entry in PACKAGES.items() if "optbench" in entry.install
    }
    assert "zoo" in extras["dev"][0]
    assert "curvature" in extras["dev"][0]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("torch.Adamw", "torch.AdamW"),
        ("pytorch_optimizer.lion", "pytorch_optimizer.Lion"),
        ("schedulefree.AdamW", "schedulefree.AdamWScheduleFree"),
    ],
)
def test_an_unknown_class_suggests_names(name: str, meant: str) -> None:
    """A slip of the finger is met with what was meant."""
    with pytest.raises(OptbenchError, match=rf"unknown optimizer '{name}'; did you mean.*{meant}"):
        find_optimizer(name)


def test_a_users_module_is_no_package() -> None:
    """`module:NAME` is a path, whatever the module is called."""
    assert package_of("pytorch_optimizer.optimizer.lion:Lion") == ""
    assert package_of("torch") == ""
    assert package_of("scipy.CG") == ""
    assert package_of("torch.AdamW") == "torch"


def test_the_documentation_is_the_classs_own() -> None:
    """`optbench show pytorch_optimizer.Lion` says what the package says, and its parameters."""
    from optbench.catalogue import describe, entries

    (found,) = describe("pytorch_optimizer.Lion")

    assert found["documentation"].startswith("Sign based updates")
    assert {"lr", "beta1", "beta2", "weight_decay"} <= {p["name"] for p in found["parameters"]}
    assert {f"{package}.NAME" for package in PACKAGES} <= {n for n, _ in entries("optimizers")}


def test_classes_are_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a package's name and a dot come its classes; without the package, none and no error."""
    from optbench.catalogue import completions

    assert ("pytorch_optimizer.Lion", "") in completions("optimizers", "pytorch_optimizer.Li")
    assert {name for name, _ in completions("optimizers", "torch.Adam")} == {
        "torch.Adam",
        "torch.AdamW",
        "torch.Adamax",
    }
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert completions("optimizers", "singd.") == []


@pytest.mark.parametrize(
    ("name", "package"),
    [
        ("pytorch_optimizer.Lion", "pytorch_optimizer"),
        ("schedulefree.SGDScheduleFree", "schedulefree"),
        ("kfac", "singd"),
        ("torch.AdamW", "torch"),
    ],
)
def test_a_run_depends_on_the_version_of_the_package(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package is among what a run's fingerprint is made of, and so is the adapter."""
    from optbench.engines import execute

    monkeypatch.setattr(execute, "fingerprint", list)
    places = execute.code_of.__wrapped__("rosenbrock", name, "constant")

    assert {package, "optbench.optimizers.from_torch"} <= set(places)


def find_class(name: str) -> type:
    """Return a class by its full name."""
    return classes(package_of(name))[name]


def _own(name: str) -> set[str]:
    """Return the names of a class's own hyperparameters."""
    from optbench.core.optimizer import gradient_parameters

    return set(find_optimizer(name).parameters) - set(gradient_parameters())
