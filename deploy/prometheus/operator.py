"""`python deploy/prometheus/operator.py`: write rules and alerts as one PrometheusRule, for Prometheus's operator.

The files of this folder are the original; a test fails while deploy/k8s/base/rules.yaml is not what they say.
"""

from __future__ import annotations

from pathlib import Path

import yaml

FOLDER = Path(__file__).parent
TARGET = FOLDER.parent / "k8s" / "base" / "rules.yaml"


def rendered() -> str:
    """Return the manifest."""
    files = [*sorted((FOLDER / "rules").glob("*.yml")), *sorted((FOLDER / "alerts").glob("*.yml"))]
    groups = [group for file in files for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]]
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "hub"},
        "spec": {"groups": groups},
    }
    head = "# Written by `python deploy/prometheus/operator.py` from deploy/prometheus; do not edit.\n"
    return head + yaml.safe_dump(manifest, sort_keys=False, allow_unicode=True, width=120)


if __name__ == "__main__":
    TARGET.write_text(rendered(), encoding="utf-8")
