"""Answers of the routes that show what would be sent."""

from __future__ import annotations

from typing import Any

PREVIEW: dict[str, Any] = {
    "partner": "so-giao-duc",
    "method": "PUT",
    "address": "https://csdl.giaoduc.example/v3/bao-cao/B01%2FGD/NAM-2016/12",
    "headers": ["content-type: application/json", "x-khoa: ***"],
    "body": '{"ma_tin":"0190c7d8-…","noi_dung":{"so_dong":1,"dong":[{"ma":"GD.01","gia_tri":"3507,6","loai":"CT"}]}}',
    "version": 1,
    "values": 1,
}
