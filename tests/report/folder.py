"""Reads a report as a browser would: tags, links, text, and the files of data."""

from __future__ import annotations

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np


class Reader(HTMLParser):
    """Collects tags, what they point at, their ids, and the text."""

    def __init__(self, page: str) -> None:
        """Read the whole page."""
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.charts: list[tuple[str, str]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        self.tags.append(tag)
        self.links += [given[k] for k in ("src", "href", "xlink:href", "srcset") if k in given]
        self.ids += [given["id"]] if "id" in given else []
        if "data-chart" in given:
            self.charts.append((given["data-file"], given["data-chart"]))

    def handle_data(self, data: str) -> None:
        self.text += data


def read(page: Path) -> Reader:
    """Parse a page."""
    return Reader(page.read_text(encoding="utf-8"))


def names(folder: Path) -> set[str]:
    """Return the files in a folder."""
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def load(path: Path) -> dict[str, Any]:
    """Read a file of data."""
    called = re.fullmatch(
        r"optbench\.load\((\"[^\"]*\"),(.*)\)\n", path.read_text(encoding="ascii")
    )
    assert called is not None
    data: dict[str, Any] = json.loads(called[2], parse_constant=_no_constant)
    return data


def _no_constant(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def column(data: dict[str, Any], place: int) -> np.ndarray:
    """Unpack a column of a file of data."""
    text = data["columns"][place]
    if text.startswith("~"):
        other, scale, offset = re.split(r"\*|(?<!e)\+", text[1:])
        return column(data, int(other)).astype(np.float64) * float(scale) + float(offset)
    if text.startswith("="):
        count, value = text[1:].split("*")
        return np.full(int(count), float(value))
    kind = {"f": "<f4", "d": "<f8"}[text[0]]
    return np.frombuffer(base64.b64decode(text[1:]), dtype=kind)
