"""A browser without a network, and pages made of runs."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from optbench.core.run import Run
from optbench.report.pages import write_report

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


class Watched:
    """A page, what went wrong on it, and what it asked for."""

    def __init__(self, page: Page, folder: Path) -> None:
        """Watch a page of a folder from its beginning."""
        self.page = page
        self.folder = folder
        self.errors: list[str] = []
        self.asked: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._console)
        page.on("request", lambda request: self.asked.append(request.url))

    def _console(self, message: object) -> None:
        if getattr(message, "type", "") in ("error", "warning"):
            self.errors.append(getattr(message, "text", ""))

    def open(self, name: str) -> Page:
        """Open a page of the folder, and wait until its charts near the screen are drawn."""
        self.page.goto(f"file://{self.folder / name}")
        if self.page.locator("figure.chart").count():
            self.page.wait_for_selector("figure.chart .plot .main-svg")
        return self.page

    def left(self) -> list[str]:
        """Return what was asked for outside of the folder."""
        inside = (f"file://{self.folder}/", "data:", "blob:")
        return [url for url in self.asked if not url.startswith(inside)]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests; it dies with them."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium here")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield started
        finally:
            started.close()


Opener = Callable[..., Watched]


@pytest.fixture
def visit(browser: Browser) -> Iterator[Opener]:
    """Return a function that opens a page for a folder.

    Whatever a test does, at its end no page has met an error or left its folder.
    """
    made: list[Watched] = []

    def opened(folder: Path, *, width: int = 1200, dark: bool = False) -> Watched:
        page = browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce",
        )
        made.append(Watched(page, folder))
        return made[-1]

    try:
        yield opened
        for watched in made:
            assert watched.errors == []
            assert watched.left() == []
    finally:
        for watched in made:
            watched.page.close()


@pytest.fixture
def report(visit: Opener, tmp_path: Path) -> Opener:
    """Return a function that writes a report of some runs and a page that will open it."""
    folders = (tmp_path / f"report{place}" for place in itertools.count())

    def write(runs: Sequence[Run], *, title: str = "report", **look: Any) -> Watched:
        folder = next(folders)
        write_report(runs, folder, title=title)
        return visit(folder, **look)

    return write
