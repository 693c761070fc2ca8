"""Packages that a library would only take because they are there."""

from __future__ import annotations

import subprocess
import sys

import pytest

from shared.extras import without


def test_what_is_hidden_looks_as_if_it_were_not_installed_and_is_back_afterwards() -> None:
    sys.modules.pop("colorsys", None)
    with without("colorsys"), pytest.raises(ModuleNotFoundError):
        import colorsys
    import colorsys

    assert colorsys.rgb_to_hsv(0, 0, 0) == (0, 0, 0)


def test_what_is_loaded_stays() -> None:
    loaded = sys.modules["json"]
    with without("json"):
        import json
    assert json is loaded is sys.modules["json"]


def test_logs_need_no_console() -> None:
    code = "import sys, shared.logs; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
