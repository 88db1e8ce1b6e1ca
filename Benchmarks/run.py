#!/usr/bin/env python3
"""Measures rolloutc beside other tools, in one run, and prints the tables of docs/benchmarks.md.

Every comparison runs the two commands by turns and gives medians and the median of the ratios pair by pair: machines
are noisy, and what disturbs one run disturbs its neighbour. Whole processes, wall time, output to a pipe that is read.
"""
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BINARY = os.path.join(ROOT, ".build-release", "release", "rolloutc")


def once(command, cwd=ROOT):
    start = time.perf_counter()
    subprocess.run(command, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
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
    ratio = statistics.median(y / x for x, y in zip(a, b))
    return statistics.median(a), statistics.median(b), ratio


def milliseconds(seconds):
    return f"{seconds * 1000:.1f} ms"


def row(*cells):
    print("| " + " | ".join(cells) + " |")


def main():
    folder = tempfile.mkdtemp(prefix="rolloutc-bench-")
    try:
        measure(folder)
    finally:
        shutil.rmtree(folder)


def measure(folder):
    scenario = os.path.join(ROOT, "plans", "aks-voting.rollout")
    plans = {}
    for count in (200, 2000, 20000):
        plans[count] = os.path.join(folder, f"{count}.rollout")
        with open(plans[count], "w") as file:
            subprocess.run([sys.executable, "Benchmarks/make_plan.py", str(count)], cwd=ROOT, stdout=file, check=True)

    empty_build = os.path.join(ROOT, ".build-empty")
    subprocess.run(
        ["swift", "build", "-c", "release", "--static-swift-stdlib", "--scratch-path", empty_build],
        cwd=os.path.join(ROOT, "Benchmarks", "Empty"), check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    empty = [os.path.join(empty_build, "release", "Empty")]

    row("what", "rolloutc", "beside it", "ratio")
    row("---", "---", "---", "---")

    ours, other, ratio = pair([BINARY, scenario], empty, 60)
    row("the scenario, whole process; an empty command linked the same way", milliseconds(ours), milliseconds(other),
        f"{1 / ratio:.2f} × the empty command")
    ours, other, ratio = pair([BINARY, "check", scenario], empty, 60)
    row("`check` of the scenario; the same", milliseconds(ours), milliseconds(other), f"{1 / ratio:.2f} ×; a frame is 16 ms")

    jsonnet = shutil.which("jsonnet")
    if jsonnet:
        ours, other, ratio = pair([BINARY, scenario], [jsonnet, "-y", "Benchmarks/voting.jsonnet"], 30)
        row("the scenario; jsonnet, as JSON documents", milliseconds(ours), milliseconds(other), f"{ratio:.1f} × faster")
        large = [jsonnet, "-y", "--tla-str", "n=200", "Benchmarks/large.jsonnet"]
        ours, other, ratio = pair([BINARY, plans[200]], large, 12)
        row("200 components; jsonnet, as JSON documents", milliseconds(ours), milliseconds(other), f"{ratio:.1f} × faster")
        yaml = [jsonnet, "-S", "--tla-str", "n=200", "-e",
                "function(n) std.manifestYamlStream((import 'Benchmarks/large.jsonnet')(n))"]
        ours = once([BINARY, plans[200]])
        start = time.perf_counter()
        try:
            subprocess.run(yaml, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60, check=False)
            other = time.perf_counter() - start
            row("200 components; jsonnet, as YAML, one run", milliseconds(ours), milliseconds(other), f"{other / ours:.0f} × faster")
        except subprocess.TimeoutExpired:
            row("200 components; jsonnet, as YAML, one run", milliseconds(ours), "ended after 60 s", f"> {60 / ours:.0f} × faster")
    else:
        print("jsonnet is not installed: not compared")

    kubectl = shutil.which("kubectl")
    if kubectl:
        out = os.path.join(folder, "out")
        subprocess.run([BINARY, "build", plans[200], "--out", out], check=True, stderr=subprocess.DEVNULL)
        state = os.path.join(out, os.listdir(out)[0] if not os.listdir(out)[0].startswith(".") else sorted(os.listdir(out))[-1], "state")
        ours, other, ratio = pair([BINARY, plans[200]], [kubectl, "kustomize", state], 8)
        row("200 components; `kubectl kustomize` of the same objects", milliseconds(ours), milliseconds(other),
            f"{ratio:.1f} × faster")
    else:
        print("kubectl is not installed: not compared")

    emit = os.path.join(folder, "emit")
    subprocess.run(["cc", "-O2", "-o", emit, "Benchmarks/emit.c", "-lyaml"], cwd=ROOT, check=True)
    stream = os.path.join(folder, "2000.yaml")
    with open(stream, "wb") as file:
        subprocess.run([BINARY, plans[2000]], stdout=file, check=True)
    ratios, ours, floor = [], [], []
    for _ in range(7):
        ours.append(once([BINARY, plans[2000]]))
        floor.append(float(subprocess.run([emit, stream], capture_output=True, text=True, check=True).stdout.split()[0]))
        ratios.append(ours[-1] / floor[-1])
    size = os.path.getsize(stream) / 1e6
    row(f"2,000 components, {size:.1f} MB; libyaml emitting the same events and nothing else",
        milliseconds(statistics.median(ours)), milliseconds(statistics.median(floor)),
        f"{statistics.median(ratios):.2f} × libyaml alone")

    print()
    row("components", "time", "per component", "peak memory", "per component")
    row("---", "---", "---", "---", "---")
    for count in (200, 2000, 20000):
        runs = [once([BINARY, plans[count]]) for _ in range(5 if count < 20000 else 3)]
        memory = peak([BINARY, plans[count]])
        row(f"{count:,}", milliseconds(statistics.median(runs)), f"{statistics.median(runs) / count * 1e6:.0f} µs",
            f"{memory:.0f} MiB", f"{memory * 1024 / count:.0f} KiB")


if __name__ == "__main__":
    if not os.path.exists(BINARY):
        sys.exit("build first: make build")
    main()
