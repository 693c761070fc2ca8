"""A partner's REST server, written with Python's http.server alone and without knowledge of the hub: its own shape, a
decimal comma, pages by number, no status to ask for, no versions. What changed at its own side is asked by POST, from a
number on that rises with every change, and goes on by a cursor.

Prints its port. On /thu-nghiem, for the tests: POST the faults for the next calls, values to be changed, or rows of its
own; GET what it holds.
"""

import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

KEY = os.environ["KHOA_TRUY_CAP"]
KNOWN = {f"GD.{number:02d}" for number in range(1, 30)}
NOTHING = "KPS"

held = {}  # (bieu, ky, don_vi) -> {chi_tieu: (gia_tri, trang_thai)}
faults = []
own = []  # rows of its own, each with the number of its change
log = {"applied": 0, "keys": []}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *arguments):
        pass

    def do_GET(self):
        place = urlsplit(self.path)
        if place.path == "/thu-nghiem":
            listed = [[*key, rows] for key, rows in sorted(held.items())]
            self.answer(200, {"held": listed, **log})
        elif self.known() and place.path == "/v3/so-lieu":
            self.answer(200, self.page({name: found[0] for name, found in parse_qs(place.query).items()}))
        else:
            self.answer(404 if self.known() else 401, {"loi": "khong co"})

    def do_POST(self):
        told = json.loads(self.body())
        if self.path != "/thu-nghiem":
            known = self.known() and self.path == "/v3/thay-doi"
            self.answer(200 if known else 404 if self.known() else 401, changes(told) if known else {"loi": "khong co"})
            return
        own.extend({**row, "so_thu_tu": len(own) + number} for number, row in enumerate(told.get("nguon", []), 1))
        faults[:] = told.get("faults", faults)
        for name, value in told.get("sua", {}).items():
            for rows in held.values():
                if name in rows:
                    rows[name] = (value, rows[name][1])
        self.answer(200, {})

    def do_PUT(self):
        body = self.body()
        parts = [unquote(part) for part in self.path.split("/")]
        if not self.known() or parts[1:3] != ["v3", "bao-cao"] or len(parts) != 6:
            self.answer(404 if self.known() else 401, {"loi": "khong co"})
            return
        try:
            packet = json.loads(body)
            rows = {row["ma"]: (self.number(row["gia_tri"]), row["loai"]) for row in packet["noi_dung"]["dong"]}
            stranger = sorted(rows.keys() - KNOWN)
        except (ValueError, KeyError, TypeError) as error:
            self.answer(200, {"ket_qua": {"ma": "20", "mo_ta": f"khong doc duoc: {error}"}})
            return
        if stranger:
            self.answer(200, {"ket_qua": {"ma": "21", "mo_ta": f"chi tieu la: {', '.join(stranger)}"}})
            return
        held.pop(tuple(parts[3:]), None)
        if rows:
            held[tuple(parts[3:])] = rows
        log["applied"] += 1
        log["keys"].append(self.headers["Idempotency-Key"])
        match faults.pop(0) if faults else None:
            case "mat-tra-loi":
                time.sleep(0.9)
                self.close_connection = True
            case "sai-tra-loi":
                self.raw(200, b"<html>Bao tri</html>")
            case _:
                self.answer(200, {"ket_qua": {"ma": "00"}, "ma_tin": packet["ma_tin"]})

    def page(self, asked):
        rows = [
            {"bieu": form, "ky": period, "don_vi": unit, "ma": name, "gia_tri": value, "loai": kind}
            for (form, period, unit), found in sorted(held.items())
            for name, (value, kind) in sorted(found.items())
            if (asked.get("bieu", form), asked.get("ky", period), asked.get("don_vi", unit)) == (form, period, unit)
        ]
        size, number = int(asked.get("so_dong", 50)), int(asked.get("trang", 1))
        pages = max(1, -(-len(rows) // size))
        return {"trang": number, "tong_trang": pages, "dong": rows[(number - 1) * size : number * size]}

    def number(self, text):
        if text == NOTHING:
            return text
        if not isinstance(text, str) or "." in text:
            raise ValueError(f"{text!r} khong phai so voi dau phay")
        float(text.replace(",", "."))
        return text

    def known(self):
        return self.headers["X-Khoa"] == KEY

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, status, document):
        self.raw(status, json.dumps(document).encode())

    def raw(self, status, body):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def changes(asked):
    rows = [row for row in own if row["so_thu_tu"] >= (asked["tu_so"] or 0)]
    first = int(asked.get("tiep") or 0)
    page = {"dong": rows[first : first + asked["so_dong"]], "tong": len(rows)}
    if first + asked["so_dong"] < len(rows):
        page["tiep"] = str(first + asked["so_dong"])
    return {"trang": page}


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"{server.server_address[1]}\n")
    sys.stdout.flush()
    server.serve_forever()
