"""The page of the claims, and the one of what textbooks say and what is true."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from optbench.core.errors import OptbenchError
from optbench.report.canvas import Drawing
from optbench.report.template import template_of
from optbench.report.theory_figures import draw_all
from optbench.report.theory_formulas import typeset
from optbench.theory.claim import Quote, Ruling
from optbench.theory.finding import Verdict
from optbench.theory.table import COLUMNS, cells
from optbench.theory.verify import Row

FAMILIES = {
    "S": "Worked examples",
    "GD": "Gradient descent",
    "HB": "Heavy ball",
    "NAG": "Nesterov's method",
    "K": "Scaling in kappa",
    "LB": "Lower bounds",
    "CG": "Conjugate gradients",
    "SG": "Stochastic gradients",
    "AG": "AdaGrad",
    "AD": "Adam",
    "AW": "AdamW",
    "RP": "RMSProp",
    "SI": "SignSGD",
    "LI": "Lion",
    "SP": "Sophia",
    "NT": "Newton's method",
    "QN": "Quasi-Newton",
    "NG": "Natural gradient",
    "KF": "K-FAC",
    "SH": "Shampoo",
    "PC": "Preconditioning",
    "LS": "Layer-wise scaling",
    "CL": "Clipping",
    "SC": "Schedules",
    "LR": "Logistic regression",
    "ES": "Edge of stability",
    "PEP": "Exact worst cases",
}
"""Letters of an id to what they stand for."""

HEADLINES = ("GD-03", "GD-10a", "K-01a", "NAG-02a", "LB-01a", "HB-08a", "K-03a", "AD-08")
"""Claims with a headline in the order of the page: rates first, then what fails; others follow."""

RULINGS = (Ruling.WRONG, Ruling.IMPRECISE, Ruling.BUG, Ruling.OK)
VERDICTS = (Verdict.PASS, Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.SKIPPED)


def write_theory(rows: Sequence[Row], folder: Path, *, jobs: int = 1) -> Path:
    """Write `index.html`, `textbooks.html` and `figures/*.svg`.

    The same rows make the same bytes.

    Args:
        rows: Rows of `verify`.
        folder: Where to write; made if needed.
        jobs: Processes that draw.

    Returns:
        The path of `index.html`.

    Raises:
        OptbenchError: When the folder cannot be written.
    """
    drawings = draw_all(rows, jobs=jobs)
    pages = render(rows, {name: drawing.alt for name, drawing in drawings.items()})
    try:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        for name, drawing in drawings.items():
            (folder / "figures" / f"{name}.svg").write_text(_alone(drawing), encoding="utf-8")
        for name, page in pages.items():
            (folder / name).write_text(page, encoding="utf-8")
    except OSError as error:
        raise OptbenchError(f"cannot write the page to {folder}: {error.strerror}") from error
    return folder / "index.html"


def render(rows: Sequence[Row], captions: Mapping[str, str]) -> dict[str, str]:
    """Return both pages as HTML by their file's name; every text in them is escaped.

    Args:
        rows: Rows of `verify`.
        captions: Caption of each figure that lies in `figures`, by the claim's id.
    """
    quoted = [row for row in rows if row.claim.says]
    count = Counter(row.finding.verdict for row in rows)
    formulas, glyphs = typeset(row.claim.formula for row in rows)
    shown: dict[str, Any] = {
        "cells": {r.claim.id: dict(zip(COLUMNS, cells(r), strict=True)) for r in rows},
        "captions": captions,
        "formulas": formulas,
        "glyphs": glyphs,
    }
    index = template_of("theory.html.j2").render(
        rows=rows,
        headlines=_headlines(rows),
        verdicts={str(verdict): count[verdict] for verdict in VERDICTS},
        quotes=sum(len(row.claim.says) for row in quoted),
        families=_families(rows),
        **shown,
    )
    textbooks = template_of("textbooks.html.j2").render(
        groups=_groups(quoted),
        total=sum(len(row.claim.says) for row in quoted),
        failed=[row.claim.id for row in quoted if row.finding.verdict is Verdict.FAIL],
        right=Ruling.OK,
        **shown,
    )
    return {"textbooks.html": textbooks, "index.html": index}


def _headlines(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with a headline, in the order of `HEADLINES`, then of the rows."""
    place = {name: i for i, name in enumerate(HEADLINES)}
    shown = [row for row in rows if row.claim.headline]
    return sorted(shown, key=lambda row: place.get(row.claim.id, len(place)))


def _families(rows: Sequence[Row]) -> list[tuple[str, str, list[Row]]]:
    """Return letters, title and rows of every family, in the order of their first rows."""
    names = dict.fromkeys(row.claim.family for row in rows)
    return [
        (name, FAMILIES.get(name, name), [row for row in rows if row.claim.family == name])
        for name in names
    ]


def _groups(rows: Sequence[Row]) -> list[tuple[Ruling, list[tuple[int, Quote, Row]]]]:
    """Return each ruling with its quotes, their places within their claims, and the claims."""
    quotes = [(place, q, row) for row in rows for place, q in enumerate(row.claim.says, 1)]
    groups = [
        (ruling, [entry for entry in quotes if entry[1].ruling is ruling]) for ruling in RULINGS
    ]
    return [(ruling, group) for ruling, group in groups if group]


def _alone(drawing: Drawing) -> str:
    """Return a figure as an SVG file: it brings its own ink, as no page's style reaches it."""
    svg = re.sub(r"((?:stroke|fill): )#([0-9a-f]{6})", r"\1var(--\2, #\2)", drawing.svg)
    return svg.replace(">", f"><style>{template_of('_figure.css').render()}</style>", 1)
