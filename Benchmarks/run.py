#!/usr/bin/env python3
"""Measures rolloutc beside other tools, in one run, and prints the tables of docs/benchmarks.md.

Every comparison runs the two commands by turns and gives medians and the median of the ratios pair by pair: machines
are noisy, and what disturbs one run disturbs its neighbour. Whole processes, output thrown away. Times are wall time;
ratios are of wall time and of processor time, which a busy machine disturbs less. Both commands are copies, as an
installed one is: a file that a linker has just written is mapped in smaller pieces.
"""
import os
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# `ROLLOUTC=FILE` measures another build of the tool.
BUILT = os.environ.get("ROLLOUTC", os.path.join(ROOT, ".build-release", "release", "rolloutc"))


class Run(NamedTuple):
    """Seconds."""
    wall: float
    cpu: float


class Ratio(NamedTuple):
    wall: float
    cpu: float

    def said(self, words, digits=2):
        return f"{self.wall:.{digits}f} × {words} (processor {self.cpu:.{digits}f} ×)"

    @property
    def inverse(self):
        return Ratio(1 / self.wall, 1 / self.cpu)


def once(command):
    start = time.perf_counter()
    # `posix_spawn`, where the machine has it: a fork of this process would cost as much as the command.
    child = os.posix_spawn(command[0], command, os.environ, file_actions=SILENT)
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - start
    if status != 0:
        sys.exit(f"failed: {shlex.join(command)}")
    return Run(wall, usage.ru_utime + usage.ru_stime)


SILENT = [(os.POSIX_SPAWN_OPEN, descriptor, os.devnull, os.O_WRONLY, 0) for descriptor in (1, 2)]


def install(built, folder):
    return shutil.copy(built, os.path.join(folder, os.path.basename(built)))


def limited(command, seconds):
    """Like `once`; None where the command takes longer."""
    start = time.perf_counter()
    try:
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=seconds, check=True)
    except subprocess.TimeoutExpired:
        return None
    return time.perf_counter() - start


def peak(command):
    """Peak memory of one run in MiB, from the operating system's account of the child."""
    script = (
        "import resource,subprocess,sys;"
        "subprocess.run(sys.argv[1:],stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL);"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    out = subprocess.run([sys.executable, "-c", script, *command], capture_output=True, text=True, cwd=ROOT)
    return int(out.stdout) / 1024


def pair(ours, other, runs):
    once(ours), once(other)
    a, b = [], []
    for _ in range(runs):
        a.append(once(ours))
        b.append(once(other))
    return median(a), median(b), Ratio(
        statistics.median(y.wall / x.wall for x, y in zip(a, b)), statistics.median(y.cpu / x.cpu for x, y in zip(a, b)))


def median(runs):
    return statistics.median(run.wall for run in runs)


def milliseconds(seconds):
    return f"{seconds * 1000:.1f} ms"


def row(*cells):
    print("| " + " | ".join(cells) + " |")


def main():
    folder = tempfile.mkdtemp(prefix="rolloutc-bench-")
    try:
        # `proof` alone: what takes the longest, and compares with nothing.
        if sys.argv[1:] == ["proof"]:
            proof(install(BUILT, folder), folder)
        else:
            measure(folder)
    finally:
        shutil.rmtree(folder)


def measure(folder):
    os.chdir(ROOT)
    if os.getloadavg()[0] > 0.7:
        print(f"the machine is busy (load {os.getloadavg()[0]:.1f}): read the ratios, not the times\n")
    rolloutc = install(BUILT, folder)
    scenario = os.path.join(ROOT, "plans", "aks-voting.rollout")
    plans = {}
    for count in (200, 2000, 20000):
        plans[count] = os.path.join(folder, f"{count}.rollout")
        with open(plans[count], "w") as file:
            subprocess.run([sys.executable, "Benchmarks/make_plan.py", str(count)], cwd=ROOT, stdout=file, check=True)

    empty_build = os.path.join(ROOT, ".build-empty")
    subprocess.run(
        ["swift", "build", *shlex.split(os.environ.get("BUILD_FLAGS", "-c release")), "--scratch-path", empty_build],
        cwd=os.path.join(ROOT, "Benchmarks", "Empty"), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    empty = [install(os.path.join(empty_build, "release", "Empty"), folder)]

    row("what", "rolloutc", "beside it", "ratio")
    row("---", "---", "---", "---")

    ours, other, ratio = pair([rolloutc, scenario], empty, 200)
    row("the scenario, whole process; an empty command linked the same way", milliseconds(ours), milliseconds(other),
        ratio.inverse.said("the empty command"))
    ours, other, ratio = pair([rolloutc, "check", scenario], empty, 200)
    row("`check` of the scenario; the same", milliseconds(ours), milliseconds(other), ratio.inverse.said("the empty command") + "; a frame is 16 ms")

    jsonnet = shutil.which("jsonnet")
    if jsonnet:
        ours, other, ratio = pair([rolloutc, scenario], [jsonnet, "-y", "Benchmarks/voting.jsonnet"], 60)
        row("the scenario; jsonnet, as JSON documents", milliseconds(ours), milliseconds(other), ratio.said("faster", 1))
        large = [jsonnet, "-y", "--tla-str", "n=200", "Benchmarks/large.jsonnet"]
        ours, other, ratio = pair([rolloutc, plans[200]], large, 20)
        row("200 components; jsonnet, as JSON documents", milliseconds(ours), milliseconds(other), ratio.said("faster", 1))
        yaml = [jsonnet, "-S", "--tla-str", "n=200", "-e",
                "function(n) std.manifestYamlStream((import 'Benchmarks/large.jsonnet')(n))"]
        ours = once([rolloutc, plans[200]]).wall
        other = limited(yaml, 60)
        row("200 components; jsonnet, as YAML, one run", milliseconds(ours),
            milliseconds(other) if other else "ended after 60 s",
            f"{other / ours:.0f} × faster" if other else f"> {60 / ours:.0f} × faster")
    else:
        print("jsonnet is not installed: not compared")

    kubectl = shutil.which("kubectl")
    if kubectl:
        out = os.path.join(folder, "out")
        subprocess.run([rolloutc, "build", plans[200], "--out", out], check=True, stderr=subprocess.DEVNULL)
        state = os.path.join(out, os.listdir(out)[0] if not os.listdir(out)[0].startswith(".") else sorted(os.listdir(out))[-1], "state")
        ours, other, ratio = pair([rolloutc, plans[200]], [kubectl, "kustomize", state], 10)
        row("200 components; `kubectl kustomize` of the same objects", milliseconds(ours), milliseconds(other),
            ratio.said("faster", 1))
    else:
        print("kubectl is not installed: not compared")

    emit = os.path.join(folder, "emit")
    subprocess.run(["cc", "-O2", "-o", emit, "Benchmarks/emit.c", "-lyaml"], cwd=ROOT, check=True)
    stream = os.path.join(folder, "2000.yaml")
    with open(stream, "wb") as file:
        subprocess.run([rolloutc, plans[2000]], stdout=file, check=True)
    ours, floor = [], []
    for _ in range(15):
        ours.append(once([rolloutc, plans[2000]]))
        out = subprocess.run([emit, stream], capture_output=True, text=True, check=True).stdout.split()
        floor.append(Run(float(out[0]), float(out[1])))
    ratio = Ratio(
        statistics.median(x.wall / y.wall for x, y in zip(ours, floor)),
        statistics.median(x.cpu / y.cpu for x, y in zip(ours, floor)))
    size = os.path.getsize(stream) / 1e6
    row(f"2,000 components, {size:.1f} MB; libyaml emitting the same events and nothing else",
        milliseconds(median(ours)), milliseconds(median(floor)), ratio.said("libyaml alone"))

    print()
    row("components", "time", "per component", "peak memory", "per component")
    row("---", "---", "---", "---", "---")
    for count, runs in ((200, 5), (2000, 5), (20000, 3)):
        first = limited([rolloutc, plans[count]], 60)
        if first is None:
            row(f"{count:,}", "ended after 60 s", "", "", "")
            break
        seconds = statistics.median([first] + [once([rolloutc, plans[count]]).wall for _ in range(runs - 1)])
        memory = peak([rolloutc, plans[count]])
        row(f"{count:,}", milliseconds(seconds), f"{seconds / count * 1e6:.0f} µs",
            f"{memory:.0f} MiB", f"{memory * 1024 / count:.0f} KiB")

    print()
    proof(rolloutc, folder)


def proof(rolloutc, folder):
    """What proving takes, as plans get more components and more steps."""
    row("`check` of", "components", "steps", "time", "processor", "peak memory")
    row("---", "---", "---", "---", "---", "---")
    shapes = [("20 updates a step", []), ("two releases, share by share", ["releases"])]
    for words, shape in shapes:
        for count, steps in ((200, 50), (1000, 50), (5000, 50), (1000, 10), (1000, 100), (1000, 200)):
            plan = os.path.join(folder, "proof.rollout")
            with open(plan, "w") as file:
                subprocess.run(
                    [sys.executable, "Benchmarks/make_plan.py", str(count), str(steps), *shape], cwd=ROOT, stdout=file,
                    check=True)
            command = [rolloutc, "check", plan]
            if limited(command, 60) is None:
                row(words, f"{count:,}", str(steps), "ended after 60 s", "", "")
                continue
            runs = [once(command) for _ in range(3)]
            cpu = statistics.median(run.cpu for run in runs)
            row(words, f"{count:,}", str(steps), milliseconds(median(runs)), milliseconds(cpu), f"{peak(command):.0f} MiB")


if __name__ == "__main__":
    if not os.path.exists(BUILT):
        sys.exit("build first: make build")
    main()
