"""Telling whether a process of ours runs, also while it becomes another program."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from shared.servers.programs import alive


def test_a_process_that_becomes_another_program_is_alive_all_the_time(tmp_path: Path) -> None:
    script = tmp_path / "again"
    script.write_text('#!/bin/sh\n[ "$N" -ge 400 ] && exec sleep 60\nN=$((N + 1)) exec "$0"\n')
    script.chmod(0o755)
    process = subprocess.Popen([script], env={"MARK": "a-mark-of-this-test", "N": "0", "PATH": "/usr/bin:/bin"})
    try:
        until = time.monotonic() + 30
        while b"sleep" not in Path(f"/proc/{process.pid}/cmdline").read_bytes():
            assert alive(process.pid, "a-mark-of-this-test")
            assert time.monotonic() < until
    finally:
        process.kill()
        process.wait()
    assert not alive(process.pid, "a-mark-of-this-test")


def test_a_finished_child_and_a_stranger_are_not_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", ""], env={"MARK": "a-mark-of-this-test"}) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and stays unwaited for
        assert not alive(process.pid, "a-mark-of-this-test")
    with subprocess.Popen(["/bin/sleep", "5"], env={"MARK": "another"}) as process:
        assert not alive(process.pid, "a-mark-of-this-test")
        process.kill()
