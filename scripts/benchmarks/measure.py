"""Starts the server and the commands, and takes their time and memory."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parent.parent
SETTINGS = ["max_wal_size=8GB", "checkpoint_timeout=1h", "autovacuum=off",
            "max_locks_per_transaction=512", "shared_buffers=256MB"]


@dataclass
class Figures:
    seconds: float
    # of the process itself, not of its children; KiB
    peak_kib: int
    # of the processes and their children, the server's aside
    cpu_seconds: float


class Server:
    """A server of the benchmark's own; ends with this process, however that ends."""

    def __init__(self, script, *words):
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPTS / script), *map(str, words)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        words = self.process.stdout.readline().split()
        if len(words) < 2:
            sys.exit("error: the server did not start")
        self.port, self.password = words[:2]
        self.environment = {
            name: value for name, value in os.environ.items()
            if not name.startswith("PG") and name not in ("DATABASE_URL", "MONGODB_URI")}

    def tools(self, folder):
        """Commands find the tools of this folder first."""
        path = self.environment.get("PATH", "/usr/bin:/bin")
        self.environment["PATH"] = f"{folder}:{path}"

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def say(self, text):
        print(text, file=sys.stderr, flush=True)


class Postgres(Server):
    """PostgreSQL, with a password."""

    def __init__(self, prefix, folder):
        super().__init__("local_server.py", prefix, folder, *SETTINGS)
        self.prefix = Path(prefix)
        self.tools(self.prefix / "bin")
        self.environment.update(PGHOST="127.0.0.1", PGPORT=self.port, PGUSER="postgres",
                                PGPASSWORD=self.password)

    def url(self, database):
        """For bookend, through its environment: no password in an argument list."""
        return f"postgres://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def tool(self, name, *words):
        command = [str(self.prefix / "bin" / name), *words]
        subprocess.run(command, env=self.environment, check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def sql(self, database, text):
        command = [str(self.prefix / "bin/psql"), "-X", "-q", "-A", "-t",
                   "-v", "ON_ERROR_STOP=1", "-d", database]
        done = subprocess.run(command, env=self.environment, input=text, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if done.returncode:
            sys.exit(f"error: {database}: {done.stderr}")
        return done.stdout

    def drop(self, database):
        self.sql("postgres", f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    def settle(self):
        """What the last command left to be written must not slow the next one."""
        self.sql("postgres", "CHECKPOINT")
        os.sync()


def measure(commands, environment, output):
    """Runs the commands at the same time; wall time, and the first one's own peak memory."""
    began = time.monotonic()
    with open(output, "w+") as log:
        children = [subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL,
                                     stdout=stdout or log, stderr=log)
                    for command, stdout in commands]
        peak = Peak(children[0].pid)
        ends = [os.wait4(child.pid, 0) for child in children]
        seconds = time.monotonic() - began
        codes = [os.waitstatus_to_exitcode(status) for _, status, _ in ends]
        for child, code in zip(children, codes):
            child.returncode = code
        if any(codes):
            log.seek(0)
            words = " ".join(map(str, commands[0][0]))
            sys.exit(f"error: exit {codes} from {words}\n{log.read()[-3000:]}")
    return Figures(seconds, peak.stop(), sum(use.ru_utime + use.ru_stime for _, _, use in ends))


class Peak:
    """Follows a process's high-water mark. `ru_maxrss` would mix in its waited-for children."""

    def __init__(self, pid):
        self.status = Path(f"/proc/{pid}/status")
        self.kib = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()

    def follow(self):
        while not self.ended.wait(0.02):
            try:
                text = self.status.read_text()
            except OSError:
                return
            for line in text.splitlines():
                if line.startswith("VmHWM:"):
                    self.kib = max(self.kib, int(line.split()[1]))

    def stop(self):
        self.ended.set()
        self.thread.join()
        return self.kib
