"""The guide "set up a regime", followed step by step on a running hub, exactly as it is written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hub import docs
from hub.settings import HubSettings

GUIDE = docs.ROOT / "docs" / "set-up-a-regime.md"


def steps(guide: str) -> list[str]:
    """Return the shell blocks, in order."""
    return re.findall(r"^```sh\n(.*?)^```$", guide, re.DOTALL | re.MULTILINE)


@pytest.mark.skipif(
    not (shutil.which("jq") and shutil.which("curl")), reason="the guide is for a shell with jq and curl"
)
def test_the_guide_can_be_followed_from_the_first_step_to_the_last(hub: HubSettings, tmp_path: Path) -> None:
    blocks = steps(GUIDE.read_text(encoding="utf-8"))
    assert len(blocks) == 9
    told = [f"echo '== step {number}' >&2\n{block}" for number, block in enumerate(blocks, 1)]
    environment = {**os.environ, "HUB": hub.gateway_url, "ACCOUNTS": str(hub.secrets / "demo_accounts.json")}
    ran = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(told)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stdout[-4000:] + ran.stderr[-2000:]
