"""Every format gives the numbers back, shows hostile names as they are, and LaTeX compiles."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from optbench.report.tables import FORMATS
from optbench.report.tables.latex import escape, latex, prose
from optbench.report.tables.markdown import markdown
from optbench.report.tables.numbers import digits, plain
from optbench.report.tables.table import Cell, Form, Mark, Table
from optbench.report.tables.text import text
from optbench.report.tables.ties import SAID

HOSTILE = (
    r"\input{/etc/passwd}",
    "$\\alpha_1$ & 100 % of #1",
    "a_b^c~{d}\\\\",
    "<script>alert('x')</script>",
    "pipe | tick ` star * under_score [link](x)",
    "é ß ł Å ñ ç ő \u0131 €",
    "κ = λ/μ, Ω Σ Λ, \u039a \u039d, ∇f ≤ ∞ \u00d7 ± · … — \u2013 → ² ₀",
    "中文 \U0001f600 \u202e \u0301",
    "--- '' ,, `` !` ?` -- \"q\" ''",
    "x" * 300,
    "]",
)

VALUES = st.floats(1e-300, 1e300) | st.floats(-1e300, -1e-300) | st.just(0.0)


def table(*cells: Cell, label: str = "p", notes: tuple[str, ...] = ()) -> Table:
    """Return a table of one row."""
    return Table(
        kind="steps",
        caption="Numbers, 100% & more.",
        corner="problem",
        columns=tuple(f"c{i}" for i in range(len(cells))),
        rows=((label, cells),),
        notes=notes,
        said=SAID,
        records=tuple({"value": c.value, "low": c.low, "high": c.high} for c in cells),
    )


def body(source: str) -> list[str]:
    """Return the cells of the only row of a LaTeX table."""
    (line,) = re.findall(r"\\midrule\n(.*) \\\\\n\\bottomrule", source)
    return re.split(r"(?<!\\) & ", line)


def read_number(source: str) -> list[float]:
    """Read number and interval of a LaTeX cell back, as a mathematician would."""
    (formula,) = re.findall(r"\$([^$]*)\$", source)
    formula = formula.replace("{,}", "")
    shared = re.search(r"\]\\times10\^\{(-?\d+)\}$", formula)
    found = re.findall(
        r"(-?\d+(?:\.\d+)?)(?:\\times10\^\{(-?\d+)\})?",
        formula[: shared.start() + 1] if shared else formula,
    )
    power = shared[1] if shared else "0"
    return [float(f"{mantissa}e{int(own or 0) + int(power)}") for mantissa, own in found]


@settings(max_examples=300)
@given(VALUES, st.integers(3, 6))
def test_numbers_are_right_to_their_digits(value: float, figures: int) -> None:
    """What is printed is the number to half a unit of the last digit, in characters and LaTeX."""
    shown = float(plain(value, Form.NUMBER, figures))
    (source,) = read_number(body(latex(table(Cell(value=value))))[1])

    assert shown == pytest.approx(value, rel=0.51 * 10 ** (1 - figures), abs=0)
    assert source == pytest.approx(value, rel=0.51e-2, abs=0)


@settings(max_examples=300)
@given(
    st.floats(1e-290, 1e290), st.floats(1.0001, 1e6), st.floats(1.0001, 1e6), st.sampled_from(Form)
)
def test_latex_gives_intervals_back(value: float, below: float, above: float, form: Form) -> None:
    """Number and both ends, whether they share a power of ten or have their own."""
    cell = Cell(value=value, low=value / below, high=value * above, form=form)
    found = read_number(body(latex(table(cell)))[1])

    # Of numbers that share a power of ten the ends are as exact as the number's last digit.
    unit = value * 0.51 * 10 ** (1 - digits(cell))
    for number, expected in zip(found, (value, value / below, value * above), strict=True):
        slack = max(unit, 0.51e-2 * expected, 0.5 if form is Form.COUNT and expected >= 100 else 0)
        assert abs(number - expected) <= slack


@pytest.mark.parametrize(
    ("value", "form", "characters", "source"),
    [
        (1.2345e-6, Form.NUMBER, "1.23e-06", r"$1.23\times10^{-6}$"),
        (9.996e-4, Form.NUMBER, "0.00100", "$0.00100$"),
        (0.0123, Form.NUMBER, "0.0123", "$0.0123$"),
        (99999.0, Form.NUMBER, "1.00e+05", r"$1.00\times10^{5}$"),
        (0.0, Form.NUMBER, "0", "$0$"),
        (1234.4, Form.COUNT, "1,234", "$1{,}234$"),
        (7.5, Form.COUNT, "7.5", "$7.5$"),
        (1e300, Form.COUNT, "1.00e+300", r"$1.00\times10^{300}$"),
        (float("inf"), Form.NUMBER, "inf", r"$\infty$"),
    ],
)
def test_numbers_as_papers_print_them(
    value: float, form: Form, characters: str, source: str
) -> None:
    """Powers of ten where a number is long, thousands apart."""
    assert plain(value, form) == characters
    assert body(latex(table(Cell(value=value, form=form))))[1] == source


@pytest.mark.parametrize(
    ("half", "figures"), [(0.5, 3), (0.09, 3), (0.009, 4), (2e-4, 5), (1e-12, 6), (0.0, 3)]
)
def test_a_narrow_interval_has_more_digits(half: float, figures: int) -> None:
    """Two digits of the interval's half are shown, within three to six in all."""
    assert digits(Cell(value=1.0, low=1 - half, high=1 + half)) == figures


def test_an_interval_of_no_width_is_not_printed() -> None:
    """Seeds that all agree have a number and nothing in brackets."""
    for write in (text, latex, markdown):
        assert "[" not in write(table(Cell(value=5.0, low=5.0, high=5.0))).split("problem")[1]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_latex_is_ascii_and_balanced(name: str) -> None:
    """No name opens a group, a formula or a command that it does not close."""
    source = escape(name)
    bare = re.sub(r"\\[\\{}$&#%_^~]", "", source)

    assert source.isascii()
    assert bare.count("{") == bare.count("}")
    assert bare.count("$") % 2 == 0
    assert not re.search(r"(?<!\\)[&#%_^~]", re.sub(r"\$[^$]*\$|\\[\^~]\{", "", source))
    assert r"\input" not in source


def test_latex_keeps_signs_apart() -> None:
    """Two hyphens stay two, and a dash is one."""
    assert escape("--a") == "-{}-a"
    assert escape("— x") == "--- x"
    assert escape("a-b's") == "a-b's"


def test_prose_has_powers_of_ten() -> None:
    """Sentences have powers of ten as formulas; words that look like one are left alone."""
    assert prose("to 1e-06, p = 4.53e-12") == r"to $10^{-6}$, p = $4.53\times10^{-12}$"
    assert prose("quadratic-k1e4") == "quadratic-k1e4"


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="there is no pdflatex here")
def test_latex_compiles(tmp_path: Path) -> None:
    """Tables of hostile names, narrow and wide, are set without an error or a missing sign."""
    cells = (
        Cell(value=1.5e-6, low=1e-6, high=2e-6, mark=Mark.BEST),
        Cell(value=1.6e-6, low=1e-9, high=2e6, mark=Mark.TIED, words="†"),
        Cell(words="— (3/10)"),
        Cell(value=float("inf")),
    )
    for place, name in enumerate(HOSTILE):
        many = cells * (2 if place % 2 else 1)
        made = table(*many, label=name, notes=(name,))
        wide = Table(**{**vars(made), "columns": tuple(name[:40] for _ in many), "caption": name})
        wide = replace(wide, texts=(0,) if place % 3 == 0 else ())
        (tmp_path / f"t{place}.tex").write_text(latex(wide), encoding="ascii")
    inputs = "\n".join(rf"\input{{t{place}}}\clearpage" for place in range(len(HOSTILE)))
    (tmp_path / "main.tex").write_text(
        r"\documentclass{article}\usepackage{booktabs,textcomp,graphicx,longtable,array}\begin{document}"
        + f"\n{inputs}\n"
        + r"\end{document}"
    )
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"],
        capture_output=True,
        text=True,
        errors="replace",
        cwd=tmp_path,
    )

    assert done.returncode == 0, done.stdout[-3000:]
    assert "Missing character" not in (tmp_path / "main.log").read_text(errors="replace")


def test_many_columns_are_stacked_and_none_is_shrunk() -> None:
    """Of 20 columns each stands once, at most eight beside the labels, under repeated names."""
    cells = tuple(Cell(value=float(i), low=i - 0.5, high=i + 0.5) for i in range(1, 21))
    made = table(*cells, label="row", notes=("a note",))
    made = replace(made, columns=tuple(f"column {i}" for i in range(1, 21)))
    for wide in (made, replace(made, rows=made.rows * 50)):
        source = latex(wide)
        heads = re.findall(r"\\toprule\n(.*) \\\\\n\\midrule\n(.*) ", source)
        names = [name for head, _ in heads for name in head.split(" & ")[1:]]

        assert "resizebox" not in source
        assert list(dict.fromkeys(names)) == list(made.columns)
        assert max(head.count(" & ") for head, _ in heads) <= 8
        assert all(row.startswith("row & ") for _, row in heads)
        assert source.count(r"\caption") == source.count(r"\label") == 1
        assert source.count("a note") == 1
        rows = re.findall(r"^row & ", source, re.MULTILINE)
        assert len(rows) == len(wide.rows) * len({head for head, _ in heads})
        for page in source.split(r"\begin{table*}")[1:]:
            assert len(re.findall(r" \\\\$", page, re.MULTILINE)) <= 44


def test_a_stacked_block_has_the_rows_with_something_in_it() -> None:
    """Who ran on one problem alone is in its block, and no empty line in the others."""
    full, lone = (Cell(value=1.0),) * 9, (Cell(),) * 8 + (Cell(words="refused"),)
    made = table(*full, label="full")
    source = latex(replace(made, rows=(*made.rows, ("lone", lone))))

    assert source.count("full & ") == source.count(r"\begin{tabular}") == 2
    assert re.findall(r"lone & .*", source) == [r"lone & refused \\"]


def read_markdown(source: str) -> list[list[str]]:
    """Read a Markdown table back as a reader sees it: escapes gone, emphasis kept as signs."""
    lines = [line for line in source.splitlines() if line.startswith("|")]
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in lines]
    return [
        [
            re.sub(r"\\([\\`*_{}\[\]<>|~$#])", r"\1", cell.strip()).replace("&amp;", "&")
            for cell in row
        ]
        for row in rows
    ]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_markdown_shows_names_as_they_are(name: str) -> None:
    """A name is one cell, whatever is in it."""
    head, _, row = read_markdown(markdown(table(Cell(value=1.0), label=name)))

    assert head == ["problem", "c0"]
    assert row[0].split() == name.split()
    assert not re.search(r"(?<!\\)[<*`]", markdown(table(Cell(value=1.0), label=name)))


def test_markdown_marks() -> None:
    """Best is bold, tied in italics, and what follows the number is not."""
    cells = (
        Cell(value=2.0, low=1.0, high=3.0, mark=Mark.BEST),
        Cell(value=2.5, mark=Mark.TIED, words="†"),
        Cell(words="— (3/10)"),
    )
    source = markdown(table(*cells))

    assert r"| **2.00** \[1.00, 3.00\] | *2.50* † | — (3/10) |" in source
    assert "Bold: the best" in source


def test_latex_marks() -> None:
    """Best is bold, tied underlined, misses and words as they are."""
    cells = (
        Cell(value=2.0, mark=Mark.BEST),
        Cell(value=2.5, mark=Mark.TIED),
        Cell(words="— (3/10)"),
    )
    source = latex(table(*cells))

    assert body(source)[1:] == [
        r"{\boldmath\bfseries$2.00$}",
        r"\underline{$2.50$}",
        "--- (3/10)",
    ]
    assert r"\caption{Numbers, 100\% \& more.}" in source
    assert r"\begin{tabular}{lrrr}" in source
    assert "Bold: the best" in source


@settings(max_examples=200)
@given(st.lists(st.none() | VALUES, min_size=1, max_size=4))
def test_csv_has_every_digit(values: list[float | None]) -> None:
    """Numbers come back to the last bit; unknown is empty."""
    made = table(*(Cell(value=value) for value in values))
    found = list(csv.DictReader(io.StringIO(FORMATS["csv"](made))))

    assert [float(row["value"]) if row["value"] else None for row in found] == values


@pytest.mark.parametrize("width", [40, 80, 200])
def test_text_fits_the_terminal(width: int) -> None:
    """Columns that do not fit follow below, each once, under the labels."""
    cells = tuple(Cell(value=float(i), low=i - 0.5, high=i + 0.5) for i in range(1, 9))
    made = text(table(*cells, notes=("a note " * 30,)), width)

    assert max(map(len, made.splitlines())) <= width
    assert [word for word in made.split() if re.fullmatch(r"c\d", word)] == [
        f"c{i}" for i in range(8)
    ]
    for i in range(1, 9):
        assert f"{i}.00 [" in made


def test_text_has_no_control_characters_to_align() -> None:
    """Wide letters and combining marks take the places that a terminal gives them."""
    made = text(table(Cell(value=1.0), label="中文e\u0301"))
    line = next(line for line in made.splitlines() if line.startswith("中"))

    assert line.index("1.00") + 2 - 1 == made.splitlines()[2].index("c0") - 2  # two wide, one mark
