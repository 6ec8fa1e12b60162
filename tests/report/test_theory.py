"""Both pages show every claim as it was found, escaped, and stand by themselves."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from optbench.core.errors import OptbenchError
from optbench.report.theory import FAMILIES, HEADLINES, render, write_theory
from optbench.report.theory_formulas import typeset
from optbench.theory.claim import Claim, Kind, Quote, Ruling, Text
from optbench.theory.claims import load_claims
from optbench.theory.finding import Finding, Verdict
from optbench.theory.plot import Plot, series, theory
from optbench.theory.tolerance import E1
from optbench.theory.verify import Row, select, verify

HOSTILE = """<script>alert("x")</script> $\\frac$ 'one' & "two\""""
QUOTE = Quote(
    text=Text.TUTORIAL, statement="It falls.", ruling=Ruling.WRONG, truth="It rises, says S-09."
)
PLOT = Plot(
    x_label="steps t",
    y_label="f",
    series=(series("run", [1, 2], [1, 2]), theory("bound", [1, 2], [2, 3])),
    caption="Below the line.",
)


def _row(
    name: str,
    verdict: Verdict = Verdict.PASS,
    *,
    text: str = "A statement.",
    plot: Plot | None = PLOT,
    says: tuple[Quote, ...] = (),
    headline: str = "",
) -> Row:
    finding = Finding(
        verdict=verdict, theory=0.125, measured=text, tightness=0.5, reason=text, plot=plot
    )
    claim = Claim(
        id=name,
        statement=text,
        formula=r"\\frac{1}{x^*}".replace("\\\\", "\\"),
        assumptions=text,
        source=text,
        kind=Kind.BOUND,
        check=lambda evidence: finding,
        tolerance=replace(E1, reason=text),
        says=says,
        headline=headline,
    )
    return Row(claim=claim, finding=finding, optimizer="gd")


class Reader(HTMLParser):
    """Collects what is linked to, the ids, and the text in each section or fold."""

    def __init__(self, page: str) -> None:
        """Read the whole page."""
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [v or "" for k, v in attrs if k in ("src", "href", "xlink:href", "srcset")]
        self.ids += [v or "" for k, v in attrs if k == "id"]

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(rows: list[Row]) -> dict[str, Reader]:
    captions = {r.claim.id: r.finding.plot.caption for r in rows if r.finding.plot}
    return {name: Reader(page) for name, page in render(rows, captions).items()}


def test_every_claim_has_a_formula_that_is_drawn_and_a_family_with_a_name() -> None:
    """Each of them is read, and no id stands on the page as bare letters."""
    claims = load_claims()
    made, glyphs = typeset(claim.formula for claim in claims)

    assert {claim.family for claim in claims} <= FAMILIES.keys()
    drawn = set(re.findall(r'id="([^"]+)"', glyphs))
    for claim in claims:
        used = set(re.findall(r'href="#([^"]+)"', made[claim.formula]))
        assert used, claim.id
        assert used <= drawn, claim.id
        assert claim.formula in html.unescape(made[claim.formula])


def test_every_quote_of_every_claim_is_on_the_page_with_its_verdict() -> None:
    """Each section has the statement, ruling, truth, and the claim's own verdict and number."""
    verdicts = list(Verdict)
    rows = [
        Row(
            claim=replace(claim, formula="x"),
            finding=Finding(verdict=verdicts[i % 4], theory=f"theory {i}", measured=f"got {i}"),
            optimizer=claim.rule,
        )
        for i, claim in enumerate(load_claims())
    ]
    page = render(rows, {})["textbooks.html"]
    sections = {
        found[1]: " ".join(html.unescape(re.sub(r"<[^>]+>", " ", found[2])).split())
        for found in re.finditer(r'<section id="([^"]+)"[^>]*>(.*?)</section>', page, re.DOTALL)
    }

    assert len(sections) == sum(len(row.claim.says) for row in rows) > 20
    for row in rows:
        for place, quote in enumerate(row.claim.says, 1):
            text = sections[f"{row.claim.id}-{place}"]
            for part in (quote.statement, quote.truth, row.finding.theory, row.finding.measured):
                assert " ".join(str(part).split()) in text, row.claim.id
            assert f"{row.claim.id} {row.finding.verdict}" in text
            assert f"{quote.ruling}." in text.lower()


def test_statements_are_grouped_the_wrong_ones_first() -> None:
    """Each group has its count, and an empty one no heading."""
    right = replace(QUOTE, ruling=Ruling.OK)
    text = _read([_row("GD-01", says=(right, QUOTE)), _row("GD-02", says=(QUOTE,))])[
        "textbooks.html"
    ]

    assert "3 statements" in text.text
    assert "2 wrong, 1 right" in text.text
    assert text.text.index("Wrong: 2") < text.text.index("Right: 1")
    assert "Imprecise:" not in text.text


def test_a_failure_is_loud_on_both_pages() -> None:
    """It is named at the top, its row is unfolded, and those that pass are not."""
    rows = [_row("GD-01", Verdict.FAIL, says=(QUOTE,)), _row("GD-02", says=(QUOTE,))]
    pages = render(rows, {})

    for page in pages.values():
        [loud] = re.findall(r'class="loud" role="alert">(.*?)</p>', page, re.DOTALL)
        assert "GD-01" in loud
        assert "GD-02" not in loud
    assert re.search(
        r'class="failed" open>\s*<summary><span class="line"><b>GD-01', pages["index.html"]
    )
    assert re.search(r'<details>\s*<summary><span class="line"><b>GD-02', pages["index.html"])
    assert "loud" not in re.sub(
        r"<style>.*?</style>", "", render(rows[1:], {})["index.html"], flags=re.DOTALL
    )


def test_verdicts_are_counted_and_rows_without_a_figure_are_shown() -> None:
    """A skipped row has its reason; no image is asked for that was not drawn."""
    rows = [
        _row("GD-01"),
        _row("GD-02", Verdict.SKIPPED, plot=None, text="needs the extra"),
        _row("HB-01", Verdict.INCONCLUSIVE, headline="Everybody should know"),
    ]
    page = _read(rows)["index.html"]

    assert "3 claims: 1 PASS, 1 INCONCLUSIVE, 1 SKIPPED." in " ".join(page.text.split())
    assert "needs the extra" in page.text
    assert page.links.count("figures/GD-01.svg") == 1
    assert page.links.count("figures/HB-01.svg") == 2
    assert "figures/GD-02.svg" not in page.links
    assert page.text.index("Everybody should know") < page.text.index("All claims")
    assert page.text.index("Gradient descent (2)") < page.text.index("Heavy ball (1)")


def test_the_page_begins_with_the_rates_and_goes_on_with_what_fails() -> None:
    """The order of headlines is the page's, whatever the order of the rows; unknown ones follow."""
    names = ("AD-08", "GD-99", "LB-01a", "NAG-02a", "HB-08a", "K-01a", "GD-10a", "GD-03")
    page = _read([_row(name, headline=f"About {name}.") for name in names])["index.html"]
    places = [page.text.index(f"About {name}.") for name in (*HEADLINES, "GD-99") if name in names]

    assert places == sorted(places)
    assert set(HEADLINES) <= {claim.id for claim in load_claims() if claim.headline}
    assert HEADLINES[:4] == ("GD-03", "GD-10a", "K-01a", "NAG-02a")


def test_hostile_texts_are_shown_and_not_obeyed(tmp_path: Path) -> None:
    """A statement, a label or a quote may hold tags, dollars and quotes."""
    said = replace(QUOTE, statement=HOSTILE, truth=HOSTILE)
    plot = replace(PLOT, caption=HOSTILE, x_label=HOSTILE, verticals=((1.5, HOSTILE),))
    row = _row("GD-01", text=HOSTILE, says=(said,), plot=plot, headline=HOSTILE)
    write_theory([row], tmp_path)

    for name in ("index.html", "textbooks.html"):
        page = (tmp_path / name).read_text(encoding="utf-8")
        assert "<script" not in page
        assert HOSTILE in Reader(page).text
    figure = (tmp_path / "figures" / "GD-01.svg").read_text(encoding="utf-8")
    assert "<script" not in figure
    assert "<title>" not in figure or "script" not in figure.split("<title>")[1][:20]


def test_pages_load_nothing_and_their_links_lead_somewhere(tmp_path: Path) -> None:
    """Every link is a file that was written or an id of the page that it names."""
    rows = [_row("GD-01", says=(QUOTE, QUOTE)), _row("HB-01", headline="First", says=(QUOTE,))]
    write_theory(rows, tmp_path)
    pages = {
        name: Reader((tmp_path / name).read_text(encoding="utf-8"))
        for name in ("index.html", "textbooks.html")
    }

    for name, page in pages.items():
        assert not {"script", "link", "iframe"} & set(page.tags)
        assert len(page.ids) == len(set(page.ids))
        for link in page.links:
            target, _, place = link.partition("#")
            assert "://" not in link
            assert (tmp_path / (target or name)).is_file()
            assert not place or place in pages[target or name].ids
    for path in tmp_path.rglob("*.svg"):
        loaded = re.findall(r'(?:href|src)="([^"]*)"|url\(([^)]*)\)', path.read_text())
        assert all((a or b).startswith("#") for a, b in loaded)


def test_the_same_rows_make_the_same_bytes(tmp_path: Path) -> None:
    """A page that is kept in a repository changes when a number does; a real claim is its row."""
    [row] = verify(select(load_claims(), ["S-01"]))
    for name in ("one", "two"):
        write_theory([row, _row("GD-01", says=(QUOTE,))], tmp_path / name)
    files = [path.relative_to(tmp_path / "one") for path in sorted((tmp_path / "one").rglob("*.*"))]

    assert row.finding.verdict is Verdict.PASS
    assert [str(path) for path in files] == [
        "figures/GD-01.svg", "figures/S-01.svg", "index.html", "textbooks.html"
    ]  # fmt: skip
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    """The error names the folder."""
    (tmp_path / "file").write_text("")

    with pytest.raises(OptbenchError, match="cannot write the page to"):
        write_theory([_row("GD-01")], tmp_path / "file")
