"""A PostgreSQL of its own on the loopback interface, in a folder that is deleted with it."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.unit.tracking.server import START_SECONDS, free_port

_DEBIAN = Path("/usr/lib/postgresql")


def programs() -> Path | None:
    """The folder of ``initdb`` and ``pg_ctl``, which Debian keeps out of the path; ``None`` where there is none."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    installed = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return installed[-1].parent if installed else None


@contextlib.contextmanager
def cluster() -> Iterator[str]:
    """Run a cluster with an empty database; give the address of that for SQLAlchemy."""
    folder, port = Path(tempfile.mkdtemp(prefix="seggrid-postgresql-")), free_port()
    # The server refuses to run as root; the package has made a user for it.
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    data, program = folder / "data", programs()
    assert program is not None, "PostgreSQL is not installed"

    def run(name: str, *arguments: str) -> None:
        done = subprocess.run(
            [program / name, *arguments], user=user, cwd=folder, capture_output=True, text=True, timeout=START_SECONDS
        )
        assert done.returncode == 0, done.stdout + done.stderr

    # What lies here is thrown away, so that nothing has to reach the disk.
    options = f"-h 127.0.0.1 -p {port} -k {folder} -c fsync=off"
    try:
        run("initdb", "-D", str(data), "-U", "mlflow", "--auth=trust", "--no-sync", "-E", "UTF8")
        # With a log file of its own, or the pipes that `run` waits for would stay open.
        run("pg_ctl", "-D", str(data), "-l", str(folder / "log"), "-o", options, "-w", "start")
        yield f"postgresql://mlflow@127.0.0.1:{port}/postgres"
    finally:
        with contextlib.suppress(AssertionError):
            run("pg_ctl", "-D", str(data), "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder)
