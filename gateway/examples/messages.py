"""Examples of the message log."""

from __future__ import annotations

from typing import Any

MESSAGE: dict[str, Any] = {
    "id": "0198f3a2-5c1e-7b60-9a55-0b2f3c4d5e6f",
    "number": 1204,
    "partner": "quoc-gia",
    "direction": "out",
    "kind": "submit",
    "at": "2016-12-21T08:00:02.104233Z",
    "correlation_id": "9f8b1c52e0de4b6c",
    "endpoint": "https://baocao.example.vn/soap",
    "outcome": "answered",
    "seconds": 0.031,
    "status": 200,
    "message_id": "0198f3a2-5b00-7c11-8d2e-1f2a3b4c5d6e",
    "form": "GD-NAM",
    "unit": "LC",
    "period": "2016",
    "delivery": "311",
    "attempt": 1,
    "error": None,
    "request_bytes": 1480,
    "request_sha256": "8c6f0e2f3b1d4c5a9e7f6b8a0d2c4e6f1a3b5c7d9e0f2a4c6e8b0d1f3a5c7e9f",
    "response_bytes": 402,
    "response_sha256": "1a3b5c7d9e0f2a4c6e8b0d1f3a5c7e9f8c6f0e2f3b1d4c5a9e7f6b8a0d2c4e6f",
}
MESSAGES: dict[str, Any] = {"messages": [MESSAGE], "next": None}
MESSAGE_DETAIL: dict[str, Any] = {
    "message": MESSAGE,
    "request": "POST https://baocao.example.vn/soap\r\nContent-Type: text/xml\r\n\r\n<soap-env:Envelope>…",
    "response": "200\r\ncontent-type: text/xml\r\n\r\n<soap-env:Envelope>…",
}
EXPORT = '{"format":"hub-message-log/1","first":1,"last":1204,…}\n{"number":1,…}\n'
