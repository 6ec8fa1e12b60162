"""The templates of pages, in which every name is escaped and an unknown one is an error."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

TEMPLATES = Path(__file__).parent / "templates"


def template_of(name: str) -> Template:
    """Return a page's template.

    Args:
        name: Its file in `templates`, such as `index.html.j2`.
    """
    return _environment().get_template(name)


@cache
def _environment() -> Environment:
    """Return what holds the templates, each compiled once."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
