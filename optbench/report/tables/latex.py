r"""A table in LaTeX, with booktabs; every text in it is escaped, and any engine sets it.

What is not ASCII is written in commands: accents, Greek letters, a few signs. A character that has
none is named by its code point, as text in angle brackets would be lost without a font for it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace

from optbench.report.tables import numbers
from optbench.report.tables.table import Cell, Form, Mark, Table

WIDE = 90
"""Characters in a row from which on a table is fitted to the width of the text."""

WIDEST = 105
"""Characters up to which that is done: beyond, letters would be smaller than 70 % of the text's."""

MANY = 8
"""Columns up to which a table is in one piece; of more, blocks of columns are stacked."""

BLOCK = 82
"""Characters in a row of such a block, which has the size of footnotes."""

LINES = 44
"""Lines of blocks on a page."""

NEAR = 1000.0
"""Ends of an interval further than this factor from the number have powers of ten of their own."""

_SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"{\char34}",  # straight where the font has it
    "`": r"\textasciigrave{}",
    "\u2014": "---",
    "\u2013": "--",
    "†": r"\textdagger{}",
    "‡": r"\textdaggerdbl{}",
    "\u00d7": r"$\times$",
    "·": r"$\cdot$",
    "∇": r"$\nabla$",
    "∞": r"$\infty$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "→": r"$\to$",
    "±": r"$\pm$",
    **dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹", (f"$^{digit}$" for digit in range(10)), strict=True)),
    **dict(zip("₀₁₂₃₄₅₆₇₈₉", (f"$_{digit}$" for digit in range(10)), strict=True)),
    "ß": r"\ss{}",
    "ø": r"\o{}",
    "Ø": r"\O{}",
    "ł": r"\l{}",
    "Ł": r"\L{}",
    "æ": r"\ae{}",
    "Æ": r"\AE{}",
    "œ": r"\oe{}",
    "Œ": r"\OE{}",
    "\u0131": r"\i{}",
    "€": r"\texteuro{}",
    "…": r"\ldots{}",
    "\u2018": "`{}",
    "\u2019": "'{}",
    "\u201c": "``",
    "\u201d": "''",
}

_ACCENTS = {
    "\u0300": "`",
    "\u0301": "'",
    "\u0302": "^",
    "\u0303": "~",
    "\u0304": "=",
    "\u0306": "u",
    "\u0307": ".",
    "\u0308": '"',
    "\u030a": "r",
    "\u030b": "H",
    "\u030c": "v",
    "\u0327": "c",
}

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau "
)
_GREEK += "upsilon phi chi psi omega"
_CAPITALS = "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
"""The others look like Latin letters and have no command."""


def latex(table: Table) -> str:
    r"""Return a table in LaTeX: the best is bold, what is not told from it underlined.

    Args:
        table: Any table.

    Returns:
        A `table` environment, or a `longtable` of sentences, to be read with `\input`; its first
        line says which packages it needs.
    """
    notes = list(map(prose, table.notes))
    if table.said and table.marks - {Mark.NONE}:
        notes.insert(0, prose(table.said.format(best="Bold", tied="underlined")))
    below = " ".join(notes)
    if table.texts:
        lines = _pages(table, below)
    elif len(table.columns) > MANY or sum(_widths(table)) > WIDEST:
        lines = _stacked(table, below)
    else:
        lines = _float(table, below)
    return "\n".join(line for line in lines if line) + "\n"


def _float(table: Table, below: str) -> list[str]:
    """Return a table in one piece, made smaller where it is too wide."""
    wide = sum(_widths(table)) > WIDE
    name = "table*" if wide else "table"
    return [
        rf"% needs \usepackage{{booktabs,textcomp{',graphicx' if wide else ''}}}",
        rf"\begin{{{name}}}[t]",
        r"\centering",
        rf"\caption{{{prose(table.caption)}}}",
        rf"\label{{tab:{table.kind}}}",
        r"\resizebox{\linewidth}{!}{%" if wide else "",
        *_tabular(table),
        "}" if wide else "",
        rf"\par\smallskip\footnotesize\raggedright {below}" if below else "",
        rf"\end{{{name}}}",
    ]


def _tabular(table: Table) -> list[str]:
    return [
        rf"\begin{{tabular}}{{l{'r' * len(table.columns)}}}",
        r"\toprule",
        _head(table),
        r"\midrule",
        *_body(table),
        r"\bottomrule",
        r"\end{tabular}",
    ]


def _stacked(table: Table, below: str) -> list[str]:
    """Return a table as blocks of columns, one below the other, on as many pages as it takes."""
    floats: list[list[Table]] = [[]]
    used = 0
    for block in _blocks(table):
        height = len(block.rows) + 3
        if floats[-1] and used + height > LINES:
            floats.append([])
            used = 0
        floats[-1].append(block)
        used += height
    lines = [r"% needs \usepackage{booktabs,textcomp}"]
    for place, blocks in enumerate(floats):
        first = [rf"\caption{{{prose(table.caption)}}}", rf"\label{{tab:{table.kind}}}"]
        later = [rf"\small Table~\ref{{tab:{table.kind}}}, continued\par\smallskip"]
        lines += [r"\begin{table*}[tp]", r"\centering", *(later if place else first)]
        lines.append(r"\footnotesize\setlength{\tabcolsep}{4pt}")
        for block in blocks:
            lines += [*_tabular(block), r"\par\medskip"]
        if below and place == len(floats) - 1:
            lines.append(rf"\raggedright {below}")
        lines.append(r"\end{table*}")
    return lines


def _blocks(table: Table) -> Iterator[Table]:
    """Yield the parts of a table: columns that fit beside the labels, rows that fit on a page.

    A row without anything in those columns is left out.
    """
    head, *widths = _widths(table)
    groups: list[list[int]] = [[]]
    for i, width in enumerate(widths):
        used = head + sum(widths[j] for j in groups[-1])
        if groups[-1] and (len(groups[-1]) == MANY or used + width > BLOCK):
            groups.append([])
        groups[-1].append(i)
    height = LINES - 3
    for group in groups:
        names = tuple(table.columns[i] for i in group)
        parts = [(label, tuple(cells[i] for i in group)) for label, cells in table.rows]
        rows = [part for part in parts if any(cell != Cell() for cell in part[1])]
        for top in range(0, max(len(rows), 1), height):
            yield replace(table, columns=names, rows=tuple(rows[top : top + height]))


def _pages(table: Table, below: str) -> list[str]:
    """Return a table of sentences, over as many pages as it takes."""
    sentence = r">{\raggedright\arraybackslash}p{.25\linewidth}"
    sides = "".join(sentence if i in table.texts else "r" for i in range(len(table.columns)))
    return [
        r"% needs \usepackage{booktabs,textcomp,longtable,array}",
        r"{\scriptsize\setlength{\tabcolsep}{3pt}",
        rf"\begin{{longtable}}{{l{sides}}}",
        rf"\caption{{{prose(table.caption)}}}\label{{tab:{table.kind}}} \\",
        r"\toprule",
        _head(table),
        r"\midrule",
        r"\endhead",
        r"\bottomrule",
        r"\endfoot",
        *_body(table),
        r"\end{longtable}",
        rf"\par {below}" if below else "",
        r"\par}",
    ]


def _head(table: Table) -> str:
    return " & ".join(map(escape, (table.corner, *table.columns))) + r" \\"


def _body(table: Table) -> list[str]:
    return [" & ".join([escape(label), *map(_cell, cells)]) + r" \\" for label, cells in table.rows]


def _widths(table: Table) -> list[int]:
    """Return about how many characters wide the labels are, and each column."""
    columns = [
        [table.corner, *(label for label, _ in table.rows)],
        *(
            [name, *(numbers.text(cells[i]) for _, cells in table.rows)]
            for i, name in enumerate(table.columns)
        ),
    ]
    return [2 + max(map(len, column)) for column in columns]


def escape(text: str) -> str:
    """Return a text that LaTeX sets as it is, in ASCII."""
    shown = "".join(map(_character, unicodedata.normalize("NFC", text)))
    # Two of them would become one sign.
    return re.sub(r"(?<=[-',])(?=[-',])", "{}", shown).replace("-{}-{}-", "---")


def prose(text: str) -> str:
    """Return a sentence, its powers of ten written as such."""
    power = re.compile(r"\b(?:1|(\d(?:\.\d+)?))e([+-]?)0*(\d+)\b")

    def shown(match: re.Match[str]) -> str:
        factor = rf"{match[1]}\times" if match[1] else ""
        return rf"${factor}10^{{{match[2].replace('+', '')}{match[3]}}}$"

    parts, place = [], 0
    for match in power.finditer(text):
        parts += [escape(text[place : match.start()]), shown(match)]
        place = match.end()
    return "".join([*parts, escape(text[place:])])


def _character(c: str) -> str:
    if c in _SIGNS:
        return _SIGNS[c]
    if c.isascii():
        return c if c.isprintable() else " "
    whole = unicodedata.normalize("NFD", c)
    base, marks = whole[0], whole[1:]
    if len(marks) == 1 and base.isascii() and base.isalpha() and marks[0] in _ACCENTS:
        letter = {"i": r"\i", "j": r"\j"}.get(base, base)
        return rf"\{_ACCENTS[marks[0]]}{{{letter}}}"
    command = _greek(c)
    return rf"$\{command}$" if command else f"(U+{ord(c):04X})"


def _greek(c: str) -> str:
    alphabet, _, name = unicodedata.name(c, "").partition(" LETTER ")
    word = name.lower().replace("lamda", "lambda")
    if alphabet == "GREEK SMALL":
        return word if word in _GREEK.split() else ""
    has_own = alphabet == "GREEK CAPITAL" and word.capitalize() in _CAPITALS.split()
    return word.capitalize() if has_own else ""


def _cell(cell: Cell) -> str:
    if cell.value is None:
        return escape(cell.words)
    main = f"${_number(cell)}$"
    if cell.mark is Mark.BEST:
        main = rf"\boldmath\bfseries{main}"
    shown = rf"\underline{{{main}}}" if cell.mark is Mark.TIED else main
    if cell.mark is Mark.BEST:
        shown = f"{{{shown}}}"
    return shown + (f" {escape(cell.words)}" if cell.words else "")


def _number(cell: Cell) -> str:
    """Return number and interval; of near powers of ten the common one stands behind both."""
    figures, ends = numbers.digits(cell), numbers.interval(cell)
    value = cell.value or 0.0
    if ends is None:
        return _one(value, cell.form, figures)
    near = all(value / NEAR < end < value * NEAR for end in ends) if value > 0 else False
    if cell.form is Form.NUMBER and near:
        exponent = numbers.parts(value, figures)[1]
        if exponent is not None:
            scaled = [_scaled(x, exponent, figures) for x in (value, *ends)]
            return rf"{scaled[0]}\,[{scaled[1]},\,{scaled[2]}]\times10^{{{exponent}}}"
    low, high = (_one(end, cell.form, figures) for end in ends)
    return rf"{_one(value, cell.form, figures)}\,[{low},\,{high}]"


def _scaled(x: float, exponent: int, figures: int) -> str:
    # 10^-300 is no float's reciprocal everywhere: the text is what is moved.
    mantissa, _, own = f"{x:.{figures - 1}e}".partition("e")
    return f"{float(mantissa) * 10.0 ** (int(own) - exponent):.{figures - 1}f}"


def _one(value: float, form: Form, figures: int) -> str:
    if value in (float("inf"), float("-inf")):
        return r"\infty" if value > 0 else r"-\infty"
    if value != value:
        return r"\mathrm{nan}"
    if numbers.is_count(value, form):
        return numbers.plain(value, form, figures).replace(",", "{,}")
    mantissa, exponent = numbers.parts(value, figures)
    return mantissa if exponent is None else rf"{mantissa}\times10^{{{exponent}}}"
