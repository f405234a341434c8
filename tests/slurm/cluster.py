"""A throw-away Slurm cluster on this machine: ``python tests/slurm/cluster.py start | stop FOLDER``.

Virtual nodes with fake GPUs on loopback, without systemd, containers, cgroups or a database. Everything lies in one
folder, and nothing outside of it is changed. Needs Debian's slurmctld, slurmd, slurm-client and munge.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

#: Programs of the packages that a cluster is made of.
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged")
PACKAGES = "apt-get install slurmctld slurmd slurm-client munge"
START_SECONDS = 180.0
STOP_SECONDS = 20.0

CONFIGURATION = """\
ClusterName=throwaway
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/run/slurmctld.pid
SlurmdPidFile={folder}/run/slurmd-%n.pid
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/slurmd-%n.log
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
# Memory is watched every second, and a job above its request is killed.
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
# More processors and memory than the machine has: the jobs of the tests are small.
SlurmdParameters=config_overrides
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=10
KillWait=2
# Finished jobs stay in squeue, for the tests ask about them.
MinJobAge=7200
OverTimeLimit=0
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0,requeue_delay=1
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
GresTypes=gpu
NodeName=n[1-{nodes}] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{ports[1]}-{ports[2]}] \
CPUs={cpus} RealMemory={memory_mb} Gres=gpu:fake:{gpus} State=UNKNOWN
PartitionName=work Nodes=ALL Default=YES MaxTime=7-00:00:00 DefaultTime=10 DefMemPerCPU=100 PriorityTier=1
PartitionName=urgent Nodes=ALL MaxTime=7-00:00:00 DefaultTime=10 DefMemPerCPU=100 PriorityTier=9
"""

GRES = "AutoDetect=off\nNodeName=n[1-{nodes}] Name=gpu Type=fake File={folder}/gpu/[0-{last_gpu}]\n"


@dataclass(frozen=True)
class Size:
    """How large a cluster claims to be."""

    nodes: int = 2
    cpus: int = 8
    gpus: int = 2
    memory_mb: int = 200_000


class Cluster:
    """A cluster in a folder."""

    def __init__(self, folder: Path, size: Size | None = None) -> None:
        self.folder = folder.resolve()
        self.size = size or Size()

    @property
    def environment(self) -> dict[str, str]:
        """What the Slurm commands, and the jobs, need."""
        return {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": f"{self.folder / 'bin'}:{self._outer_path}"}

    @property
    def _outer_path(self) -> str:
        """The search path without this cluster's wrapper of srun, which a shell may already have."""
        own = str(self.folder / "bin")
        return ":".join(part for part in os.environ["PATH"].split(":") if part != own)

    @property
    def nodes(self) -> list[str]:
        return [f"n{number}" for number in range(1, self.size.nodes + 1)]

    def call(self, command: str) -> str:
        """Run a Slurm command; return what it prints."""
        done = subprocess.run(
            shlex.split(command), env={**os.environ, **self.environment}, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def start(self) -> None:
        """Start all daemons and wait until every node is idle."""
        for name in ("munge", "state", "run", "log", "gpu", "bin", *(f"spool-{node}" for node in self.nodes)):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)
        self._configure()
        munge = self.folder / "munge"
        key = munge / "key"
        for left in (key, munge / "socket"):  # by a cluster that ended here before
            left.unlink(missing_ok=True)
        key.write_bytes(secrets.token_bytes(256))
        key.chmod(0o400)
        files = [f"--{name}-file={munge / name}" for name in ("key", "pid", "log", "seed")]
        # By force, for it wants a socket that every user can reach, and temporary folders are closed to others.
        self._spawn("munged", ["munged", "--force", "--foreground", f"--socket={munge / 'socket'}", *files])
        wait_until((munge / "socket").exists, f"munged opens its socket; see {self.folder / 'log'}")
        self._spawn("slurmctld", ["slurmctld", "-D", "-c"])
        for node in self.nodes:
            self.start_node(node)
        wait_until(lambda: self._idle() == set(self.nodes), f"all nodes are idle; see {self.folder / 'log'}")

    def start_node(self, node: str) -> None:
        self._spawn(f"slurmd-{node}", ["slurmd", "-D", "-N", node])

    def lose_node(self, node: str) -> None:
        """End a node at once, its jobs with it, as a power cut does."""
        log = str(self.folder / "log" / f"slurmd-{node}.log")
        daemon = self._process(f"slurmd-{node}")
        steps = [process for process in psutil.process_iter() if _writes_to(process, log)]
        jobs = [child for step in steps for child in step.children(recursive=True)]
        for victim in [*([daemon] if daemon else []), *steps, *jobs]:
            with contextlib.suppress(psutil.NoSuchProcess):
                victim.kill()

    def jobs(self, states: str = "all") -> dict[str, str]:
        """Job id and state of every job."""
        lines = self.call(f"squeue --noheader --states={states} --format=%i|%T").splitlines()
        return dict(line.strip().split("|", 1) for line in lines)

    def down(self) -> set[str]:
        """Nodes that do not answer."""
        return set(self.call("sinfo --noheader --Node --partition=work --states=down,no_respond --format=%N").split())

    def stop(self) -> None:
        """Cancel all jobs and end all daemons."""
        if self._runs("slurmctld"):
            subprocess.run(
                ["scancel", f"--user={_user()}"], env={**os.environ, **self.environment}, check=False, timeout=30
            )
            _wait(lambda: not self.call("squeue --noheader"), STOP_SECONDS)
        names = [*(f"slurmd-{node}" for node in self.nodes), "slurmctld", "munged"]
        for signum in (signal.SIGTERM, signal.SIGKILL):
            for name in filter(self._runs, names):
                process = self._process(name)
                if process is not None:
                    process.send_signal(signum)
            if _wait(lambda: not any(map(self._runs, names)), STOP_SECONDS):
                return

    def _configure(self) -> None:
        first = _free_ports(1 + self.size.nodes)
        values = {
            "folder": self.folder,
            "host": socket.gethostname(),
            "user": _user(),
            "ports": (first, first + 1, first + self.size.nodes),
            "last_gpu": self.size.gpus - 1,
            **vars(self.size),
        }
        (self.folder / "slurm.conf").write_text(CONFIGURATION.format(**values), encoding="utf-8")
        (self.folder / "gres.conf").write_text(GRES.format(**values), encoding="utf-8")
        (self.folder / "cgroup.conf").write_text("CgroupAutomount=no\nConstrainRAMSpace=no\n", encoding="utf-8")
        for number in range(self.size.gpus):
            device = self.folder / "gpu" / str(number)
            device.unlink(missing_ok=True)
            device.symlink_to("/dev/null")
        # The plugin takes SLURM_CONF away from the srun inside a job, which would then look in /etc/slurm.
        wrapper = self.folder / "bin" / "srun"
        srun = shutil.which("srun", path=self._outer_path)
        wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {srun} "$@"\n', encoding="utf-8")
        wrapper.chmod(0o755)

    def _spawn(self, name: str, command: list[str]) -> None:
        program = shutil.which(command[0], path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        if program is None:
            raise FileNotFoundError(f"{command[0]}: not installed; {PACKAGES}")
        with (self.folder / "log" / f"{name}.out").open("ab") as log:
            process = subprocess.Popen(
                [program, *command[1:]],
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        (self.folder / "run" / name).write_text(str(process.pid), encoding="utf-8")

    def _process(self, name: str) -> psutil.Process | None:
        try:
            process = psutil.Process(int((self.folder / "run" / name).read_text(encoding="utf-8")))
            return process if str(self.folder) in _surroundings(process) else None
        except (FileNotFoundError, psutil.Error):
            return None

    def _runs(self, name: str) -> bool:
        process = self._process(name)
        return process is not None and process.status() != psutil.STATUS_ZOMBIE

    def _idle(self) -> set[str]:
        try:
            return set(self.call("sinfo --noheader --Node --partition=work --states=idle --format=%N").split())
        except subprocess.CalledProcessError:
            return set()


def wait_until(condition: Callable[[], bool], what: str, seconds: float = START_SECONDS) -> None:
    """Wait for a condition.

    Raises:
        TimeoutError: it did not come true.
    """
    if not _wait(condition, seconds):
        raise TimeoutError(f"not within {seconds:.0f} s: {what}")


def _wait(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def _writes_to(process: psutil.Process, log: str) -> bool:
    try:
        return "slurmstepd" in process.name() and any(file.path == log for file in process.open_files())
    except psutil.Error:
        return False


def _surroundings(process: psutil.Process) -> str:
    return " ".join([*process.cmdline(), process.environ().get("SLURM_CONF", "")])


def _user() -> str:
    return psutil.Process().username()


def _free_ports(count: int) -> int:
    """The first of ``count`` neighbouring ports that nobody listens on."""
    while True:
        first = 20_000 + secrets.randbelow(10_000)
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first


def main() -> None:
    """Start or stop a cluster by hand; print what a shell needs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("start", "stop"))
    parser.add_argument("folder", type=Path, nargs="?", default=Path("slurm-cluster"))
    options = parser.parse_args()
    cluster = Cluster(options.folder)
    if options.action == "stop":
        cluster.stop()
        return
    cluster.start()
    for name, value in cluster.environment.items():
        print(f"export {name}={shlex.quote(value)}")


if __name__ == "__main__":
    main()
