"""`optbench figure`, and the same from Python."""

from __future__ import annotations

import csv
import resource
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from matplotlib.figure import Figure

import optbench as ob
from optbench.cli.figure import STYLES
from optbench.report import save as saving
from optbench.report.figures import KINDS
from optbench.report.figures.crowd import OTHERS
from optbench.report.looks import LOOKS

Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two optimizers on two problems."""
    folder = tmp_path_factory.mktemp("store")
    problems = ["quadratic:kappa=10", "rosenbrock-2d"]
    ob.run(problems, ["gd", "adam"], lr=["1e-3", "1e-1"], budget=50, results=folder)
    return folder


def test_a_figure_is_written_with_its_numbers(
    optbench: Command, store: Path, tmp_path: Path
) -> None:
    """The two paths are printed, and the CSV holds the curves of the problem that was picked."""
    done = optbench(
        "figure", "convergence", str(store), "-p", "quad*", "-o", "a.pdf", "--x", "step"
    )

    assert (done.returncode, done.stdout.split()) == (0, ["a.pdf", "a.csv"])
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")
    with (tmp_path / "a.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert {line["series"] for line in lines if line["part"] == "median"} == {"gd", "adam"}
    assert {line["problem"] for line in lines} == {"quadratic:kappa=10"}
    assert "step" in lines[0]


def test_who_is_named_is_in_colour(optbench: Command, tmp_path: Path) -> None:
    """Of thirteen optimizers ten have a colour, and all where `--optimizer` asks for them."""
    betas = [f"heavy_ball:beta=0.{i}" for i in range(11, 24)]
    ob.run("quadratic:kappa=10", betas, lr=["0.1"], budget=20, results=tmp_path / "many")
    grey = OTHERS.colour
    for more, others in ((), True), (("--optimizer", "heavy*"), False):
        done = optbench("figure", "convergence", "many", "-o", "a.svg", *more)
        assert done.returncode == 0, done.stderr
        assert (grey in (tmp_path / "a.svg").read_text()) is others


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["convergance"], "unknown kind of figure 'convergance'; did you mean convergence?"),
        (["ranks", "--style", "icmll"], "unknown style 'icmll'; did you mean icml?"),
        (["ranks", "-o", "a.jpg"], "unknown format of a.jpg: ending 'jpg'; did you mean png"),
        (["ranks", "-o", "folder"], "unknown format of folder: ending ''"),
        (["ranks", "--width", "column"], "style neurips has one width, 5.5 in; two have: icml"),
        (["ranks", "--style", "icml", "--width", "page"], "unknown width of style icml 'page'"),
        (["convergence", "--x", "steps"], "unknown x of a figure convergence 'steps'; did you"),
        (["ranks", "--x", "step"], "a figure ranks has no choice of x; one with it: convergence"),
        (["ranks", "--measure", "value"], "a figure ranks has no choice of measure"),
        (["ranks"], "there are no results in results"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_mistakes_are_one_line(optbench: Command, arguments: list[str], said: str) -> None:
    """What is wrong is named with what would be right, and nothing is written."""
    done = optbench("figure", *arguments)

    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"optbench: {said}")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("ranks", "ranks need 5 problems"),
        ("schedule", "two schedules or more; there is: constant"),
        ("noise-floor", "gradient noise"),
        ("kappa-scaling", "three condition numbers"),
    ],
)
def test_runs_that_do_not_suit_are_refused(
    optbench: Command, store: Path, tmp_path: Path, kind: str, said: str
) -> None:
    """One line says what the kind needs, and no file is left."""
    done = optbench("figure", kind, str(store))

    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.glob(f"{kind}.*"))


def test_an_empty_store_and_a_folder_that_is_not_there(optbench: Command, tmp_path: Path) -> None:
    """Both are one line."""
    from optbench.store import open_store

    with open_store(tmp_path / "empty"):
        pass
    done = optbench("figure", "convergence", "empty")
    assert (done.returncode, done.stderr) == (2, "optbench: there are no runs to draw\n")
    done = optbench("figure", "convergence", "empty", "-o", "no/where/a.pdf")
    assert done.returncode == 2


def test_a_file_that_cannot_be_written_is_one_line(
    optbench: Command, store: Path, tmp_path: Path
) -> None:
    """The line names the file; where the numbers have no place, there is no figure either."""
    (tmp_path / "file").write_text("")
    done = optbench("figure", "trajectory", str(store), "-o", "file/there.svg")

    assert done.returncode == 2
    assert done.stderr == "optbench: cannot write file/there.svg: File exists\n"

    (tmp_path / "a.csv").mkdir()
    done = optbench("figure", "trajectory", str(store), "-o", "a.svg")
    assert done.returncode == 2
    assert done.stderr == "optbench: cannot write a.csv: Is a directory\n"
    assert {path.name for path in tmp_path.iterdir()} == {"file", "a.csv"}


def test_a_folder_that_is_missing_is_made(optbench: Command, store: Path, tmp_path: Path) -> None:
    """As it is for tables, reports and exports."""
    done = optbench("figure", "trajectory", str(store), "-o", "not/there.svg")

    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "not").iterdir()} == {"there.svg", "there.csv"}


@pytest.mark.parametrize("ending", ["pdf", "svg", "png"])
def test_a_full_disk_leaves_the_older_figure(ending: str, tmp_path: Path) -> None:
    """The trouble is one line whatever writes the format, and the file before it is whole."""
    figure, path = Figure(), tmp_path / f"a.{ending}"
    figure.subplots().plot([1, 2, 4])
    path.write_text("older")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(ob.OptbenchError, match=f"cannot write {path}: File too large"):
            ob.save_figure(figure, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not shutil.which("xelatex"), reason="needs TeX")
def test_a_picture_in_an_edited_figure_lies_beside_its_pgf(tmp_path: Path) -> None:
    """TeX reads it from there; PGF itself holds none."""
    figure = Figure()
    figure.subplots().imshow([[0, 1], [1, 0]])
    ob.save_figure(figure, tmp_path / "a.pgf")

    assert {path.name for path in tmp_path.iterdir()} == {"a.pgf", "a-img0.png"}
    assert "a-img0.png" in (tmp_path / "a.pgf").read_text()


def test_pgf_without_tex_names_the_other_formats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is drawn the line says which programs it looked for."""
    monkeypatch.setattr(shutil, "which", lambda name: None)

    with pytest.raises(ob.OptbenchError, match="PGF needs xelatex, lualatex or pdflatex") as caught:
        saving.check_path(Path("a.pgf"))
    assert "other formats: pdf, svg, png" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        (r"$\alpha_1$", r"\$\textbackslash{}alpha\_1\$"),
        ("50% & more", r"50\% \& more"),
        ("{#}^~", r"\{\#\}\textasciicircum{}\textasciitilde{}"),
        ("10⁻¹² \u2212 1", r"10\ensuremath{^{-}}$^1$$^2$ \ensuremath{-} 1"),
        ("日本, f(x₀)\nμ--ü", '(U+65E5)(U+672C), f(x$_0$)\n$\\mu$-{}-\\"{u}'),
    ],
)
def test_no_character_is_a_command_of_tex(text: str, written: str) -> None:
    """Special signs are escaped; what pdflatex does not know is ASCII; lines stay lines."""
    assert saving.to_tex(text) == written


def test_help_tells_every_kind_and_style(optbench: Command) -> None:
    """The registries and the help are one."""
    text = optbench("figure", "--help").stdout

    assert all(kind in text and entry.about[:30] in text for kind, entry in KINDS.items())
    assert tuple(LOOKS) == STYLES
    assert all(style in text for style in STYLES)


def test_python_gives_matplotlibs_figure_to_edit(store: Path, tmp_path: Path) -> None:
    """Of a result, of runs, of a path: the same figure, which is saved as it is edited."""
    from matplotlib.figure import Figure

    found = ob.run("quadratic:kappa=10", "gd", lr=["1e-1"], budget=20)
    figures = [ob.figure("convergence", given) for given in (found, found.runs, list(found.runs))]
    assert all(isinstance(figure, Figure) for figure in figures)
    ob.save_figure(figures[0], tmp_path / "a.svg")
    ob.save_figure(figures[1], tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    figures[0].axes[0].set_xlabel("edited")
    figures[0].axes[0].set_ylim(1e-30, 1e30)
    ob.save_figure(figures[0], tmp_path / "a.pdf")
    assert b"/Type3" not in (tmp_path / "a.pdf").read_bytes()
    stored = ob.figure("trajectory", store, style="icml", width="text")
    assert stored.get_size_inches()[0] == 6.75
    with pytest.raises(ob.OptbenchError, match="a int is not results"):
        ob.figure("convergence", [1])  # type: ignore[list-item]
