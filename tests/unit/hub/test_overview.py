"""How the province is set up, told from its files."""

from __future__ import annotations

import json

from typer.testing import CliRunner

import catalogue
from hub import overview
from hub.main import app


def test_the_document_is_current() -> None:
    written = overview.DOCUMENT.read_text(encoding="utf-8")
    assert written == overview.markdown(overview.tables(catalogue.read())), "run `python -m hub.overview`"


def test_every_regime_and_form_is_shown_with_what_is_owed() -> None:
    told = json.loads(CliRunner().invoke(app, ["regimes", "--json"]).stdout)
    body = catalogue.read()
    assert [row["regime"] for row in told["regimes"]] == [entry["id"] for entry in body["regimes"]]
    owed = {row["form"]: int(row["owed in 2026"]) for row in told["forms"]}
    assert owed.keys() == {entry["id"] for entry in body["forms"]}
    assert (owed["XA-THANG"], owed["XA-NAM"], owed["NN-THANG"], owed["MUALU-XA"]) == (38 * 12, 38, 12, 38)
