"""A source's comparison, as the documentation shows it."""

from __future__ import annotations

from typing import Any

from shared.digest import entry_hash, of_hash, total

_DIGEST = total(
    of_hash(entry_hash("GD-NAM", "LC", "2016", name, value, "official"))
    for name, value in (("GD03.THPT", "8966"), ("GD06", "2514"))
)
_GROUP = {"period": "2016", "form": "GD-NAM", "unit": "LC"}
_NOTHING: dict[str, Any] = {"level": None, "differing": [], "more": 0, "equal": None, "differences": [], "error": None}

DIGESTS: dict[str, Any] = {
    "level": "bucket",
    "digests": [{**_GROUP, "count": _DIGEST.count, "digest": _DIGEST.text}],
}
VALUES: dict[str, Any] = {
    "reconciliation": "42",
    **_GROUP,
    "values": [
        {"indicator": "GD03.THPT", "value": "8966", "status": "official"},
        {"indicator": "GD06", "value": "2514", "status": "official", "changed_at": "2016-12-20T09:00:00+07:00"},
    ],
    "page": 1,
    "last": True,
}
READING: dict[str, Any] = {**_NOTHING, "id": "42", "state": "reading"}
COMPARING: dict[str, Any] = {**_NOTHING, "id": "42", "state": "comparing"}
ENDED: dict[str, Any] = {
    **_NOTHING,
    "id": "42",
    "state": "different",
    "equal": False,
    "entries": 2,
    "pending": 0,
    "differences": [
        {
            "kind": "older_version",
            **_GROUP,
            "indicator": "GD06",
            "received": "2511",
            "stated": "2514",
            "owner": "LC-SGDDT",
            "todo": "Nguồn gửi lại số liệu đã thay đổi; bản nháp mới được trình duyệt.",
        }
    ],
    "omitted": 0,
}
