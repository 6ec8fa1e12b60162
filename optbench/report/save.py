"""Writes figures: the same data gives the same bytes, with fonts that print shops take."""

from __future__ import annotations

import io
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import Formatter, FuncFormatter

from optbench.core.errors import OptbenchError, unknown
from optbench.core.output import write_whole
from optbench.report.canvas import Made
from optbench.report.lettering import MISSING
from optbench.report.style import MathPowerFormatter
from optbench.report.tables.latex import escape

UNDATED: dict[str, dict[str, None]] = {
    "pdf": dict.fromkeys(("CreationDate", "Creator", "Producer")),
    "svg": dict.fromkeys(("Date", "Creator", "Format", "Type")),
    "png": {"Software": None},
    "pgf": {},
}
"""Formats, each with what matplotlib would write of the day and of itself."""

TEX = ("xelatex", "lualatex", "pdflatex")
"""Programs that measure the letters of a PGF file."""

RC: dict[Any, Any] = {
    "pdf.fonttype": 42,  # TrueType; submission systems refuse matplotlib's usual Type 3
    "svg.hashsalt": "optbench",
    "svg.fonttype": "path",  # whoever opens it may lack the font that the legend was fitted to
    "pgf.rcfonts": False,
}

TICKS = {"\u2212": r"\ensuremath{-}", "⁻": r"\ensuremath{^{-}}", "\n": "\n"}
"""What texts of figures have and those of tables do not."""


def save(made: Made, path: Path) -> Path:
    """Write a figure, and its numbers as CSV beside it.

    Args:
        made: The figure.
        path: Where it goes; what it ends in says which kind of file it is.

    Returns:
        The path of the numbers.

    Raises:
        OptbenchError: When the path has another ending, cannot be written, or needs TeX, which is
            not there.
    """
    numbers = path.with_suffix(".csv")
    table = made.data.to_csv(index=False, lineterminator="\n").encode()
    write_whole({**_contents(made.figure, path), numbers: table})
    return numbers


def check_path(path: Path) -> str:
    """Return the format that a path asks for.

    Raises:
        OptbenchError: For an unknown one, or PGF without TeX.
    """
    kind = path.suffix.removeprefix(".").lower()
    if kind not in UNDATED:
        raise unknown(f"format of {path}: ending", kind, UNDATED)
    if kind == "pgf" and not _tex():
        others = ", ".join(other for other in UNDATED if other != "pgf")
        raise OptbenchError(
            f"{path}: PGF needs {', '.join(TEX[:-1])} or {TEX[-1]}, and none is on the PATH; "
            f"other formats: {others}"
        )
    return kind


def save_figure(figure: Figure, path: Path | str) -> Path:
    """Write a figure of `optbench.figure`, edited or not: PDF with TrueType fonts, SVG, PNG or PGF.

    The bytes depend on the figure alone: no date is written, no name is random.

    Args:
        figure: The figure.
        path: Where it goes; what it ends in says which kind of file it is.

    Returns:
        The path.

    Raises:
        OptbenchError: When the path has another ending, cannot be written, or needs TeX, which is
            not there.
    """
    path = Path(path)
    write_whole(_contents(figure, path))
    return path


def _contents(figure: Figure, path: Path) -> dict[Path, bytes]:
    """Return the file of a figure; in PGF pictures in it are files beside it."""
    kind = check_path(path)
    options: dict[str, Any] = {"format": kind, "dpi": 300, "facecolor": figure.get_facecolor()}
    if kind != "pgf":
        options["metadata"] = UNDATED[kind]
    with rc_context(RC | {"pgf.texsystem": _tex() or TEX[0]}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=MISSING)
        if kind != "pgf":
            file = io.BytesIO()
            figure.savefig(file, **options)
            return {path: file.getvalue()}
        with tempfile.TemporaryDirectory() as folder, _in_tex(figure):
            figure.savefig(Path(folder, path.name), **options)
            return {path.with_name(made.name): made.read_bytes() for made in Path(folder).iterdir()}


def _tex() -> str:
    return next((program for program in TEX if shutil.which(program)), "")


@contextmanager
def _in_tex(figure: Figure) -> Iterator[None]:
    """Write every text of a figure as TeX has it, and back afterwards."""
    texts = [(text, text.get_text()) for text in figure.findobj(Text) if isinstance(text, Text)]
    axes = [axis for one in figure.axes for axis in (one.xaxis, one.yaxis)]
    formatters = [(axis, axis.get_major_formatter()) for axis in axes]
    try:
        for text, words in texts:
            text.set_text(to_tex(words))
        for axis, formatter in formatters:
            axis.set_major_formatter(_formatter_in_tex(formatter))
        yield
    finally:
        for axis, formatter in formatters:
            axis.set_major_formatter(formatter)
        for text, words in texts:
            text.set_text(words)


def _formatter_in_tex(formatter: Formatter) -> Formatter:
    if isinstance(formatter, MathPowerFormatter):
        return formatter

    def label(value: float, place: int | None) -> str:
        return to_tex(formatter(value, place))

    return FuncFormatter(label)


def to_tex(words: str) -> str:
    """Return a text in TeX as tables have it: no character is a command, and all are ASCII."""
    parts = re.split(f"([{''.join(TICKS)}])", words)
    return "".join(TICKS.get(part) or escape(part) for part in parts)
