"""The report as a page: one file of HTML without script or anything from elsewhere, that prints well on A4."""

from __future__ import annotations

from importlib.resources import files

from services.integration.reports.outline import Outline


def page(report: Outline) -> bytes:
    """Return the page, UTF-8. Whatever stands in names and values is text there, never markup."""
    from jinja2 import Environment, StrictUndefined

    source = (files("services.integration.reports") / "page.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(source).render(it=report).encode()
