#!/usr/bin/env python3
"""Measures `rolloutc apply` on a real control plane beside kubectl and a plain load, and prints tables of docs/benchmarks.md.

    cluster.py [OBJECTS] [STEPS]        1000 Deployments and 40 steps, unless told otherwise

The control plane is the one of the tests (Tests/tools/control-plane): etcd without fsync, kube-apiserver, controllers and a
hollow node, on the same machine. While writes are measured its controllers are stopped, or what they do for the objects of
one tool would slow down the next one.
"""
import json
import os
import shutil
import signal
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from run import BUILT, ROOT, milliseconds, row

CONTROL_PLANE = os.path.join(ROOT, "Tests", "tools", "control-plane")
ROUNDS = 3


class Cluster:
    def __init__(self, folder):
        self.folder = folder
        # rolloutc refuses a cluster without Istio's definitions; nothing of Istio's is written here.
        crds = os.environ.get("ROLLOUTC_CRDS", os.path.join(ROOT, "Tests", "Corpus", "crds", "istio.yaml"))
        subprocess.run(
            [CONTROL_PLANE, "start", folder, "--crds", crds, "--owner", str(os.getpid())], check=True,
            stderr=subprocess.DEVNULL)
        self.kubeconfig = os.path.join(folder, "kubeconfig")
        with open(os.path.join(folder, "admin.token")) as file:
            self.token = file.read().strip()
        with open(self.kubeconfig) as file:
            self.url = next(line.split()[-1] for line in file if "server:" in line)
        self.authority = os.path.join(folder, "ca.crt")
        self.trust = ssl.create_default_context(cafile=self.authority)
        self.environment = dict(os.environ, KUBECONFIG=self.kubeconfig, XDG_STATE_HOME=os.path.join(folder, "state"))

    def controllers(self, is_running):
        """Stops or continues everything that acts on objects by itself."""
        for name, pid in self.processes():
            if name in ("kube-controller-manager", "kube-scheduler"):
                os.kill(pid, signal.SIGCONT if is_running else signal.SIGSTOP)

    def processes(self):
        with open(os.path.join(self.folder, "pids")) as file:
            return [(line.split()[0], int(line.split()[1])) for line in file]

    def get(self, path):
        request = urllib.request.Request(self.url + path, headers={"Authorization": "Bearer " + self.token})
        return urllib.request.urlopen(request, context=self.trust)

    def make_namespace(self, name):
        subprocess.run(["kubectl", "create", "namespace", name], env=self.environment, check=True, stdout=subprocess.DEVNULL)

    def stop(self):
        self.controllers(True)
        subprocess.run([CONTROL_PLANE, "stop", self.folder], check=False, stderr=subprocess.DEVNULL)


def deployments(rolloutc, file):
    """The Deployments of a plan as rolloutc writes them, without their namespace."""
    built = subprocess.run([rolloutc, "build", file, "-o", "json"], check=True, capture_output=True)
    for step in json.loads(built.stdout)["steps"]:
        for segment in step["segments"]:
            for write in (write for phase in segment["phases"] for write in phase["writes"]):
                if write["kind"] == "Deployment":
                    del write["object"]["metadata"]["namespace"]
                    yield write["object"]


def plan(name, count, replicas=0, steps=False, port=False):
    lines = [f"plan {name}", "language 1", ""]
    for i in range(count):
        lines += [f"component c{i} {{", f"  image registry.example.com/team/c{i}:1", f"  replicas {replicas}"]
        lines += ["  port 8080 http"] if port else []
        lines += ["  version 1", "}", ""]
    if steps:
        for i in range(count):
            lines += [f'step "Deploy {i}" {{', f"  deploy c{i} 1", "}"]
    else:
        lines += ['step "Deploy" {'] + [f"  deploy c{i} 1" for i in range(count)] + ["}"]
    return "\n".join(lines) + "\n"


class Applied:
    """One `rolloutc apply`: its events, its exit code, its peak memory in MiB, its wall time in seconds."""

    def __init__(self, rolloutc, cluster, file, stop_at_gate=False):
        start = time.perf_counter()
        child = subprocess.Popen(
            [rolloutc, "apply", file, "--yes", "--settle", "0s", "--output", "ndjson"], env=cluster.environment,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.first = self.last = None
        self.outcome = None
        is_asked = False
        for line in child.stdout:
            event = json.loads(line)
            kind = event["type"]
            if kind in ("write-began", "write-ended") and event["object"]["kind"] == "Deployment":
                if self.first is None:
                    self.first = event["elapsedMilliseconds"]
                self.last = event["elapsedMilliseconds"]
            if kind == "gate-began" and self.last is not None and stop_at_gate and not is_asked:
                is_asked = True
                child.send_signal(signal.SIGINT)
            if kind == "summary":
                self.outcome = event["outcome"]
        _, status, usage = os.wait4(child.pid, 0)
        self.wall = time.perf_counter() - start
        self.code = os.waitstatus_to_exitcode(status)
        self.memory = usage.ru_maxrss / 1024
        if self.outcome not in ("done", "unchanged", "interrupted"):
            sys.exit(f"rolloutc apply ended with {self.outcome}: {child.stderr.read().decode()[-600:]}")

    @property
    def writing(self):
        return (self.last - self.first) / 1000


def timed(command, **options):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    return time.perf_counter() - start


def plain_load(cluster, namespace, objects, folder):
    """curl, eight requests at a time over HTTP/2: what the server can do, and nothing else."""
    config = os.path.join(folder, "load")
    with open(config, "w") as file:
        for i, item in enumerate(objects):
            body = os.path.join(folder, f"body-{i}")
            with open(body, "w") as out:
                json.dump(item, out)
            if i:
                file.write("next\n")
            file.write(
                f'url = "{cluster.url}/apis/apps/v1/namespaces/{namespace}/deployments/{item["metadata"]["name"]}'
                f'?fieldManager=rolloutc"\nrequest = "PATCH"\ndata = "@{body}"\n'
                f'header = "Authorization: Bearer {cluster.token}"\nheader = "Content-Type: application/apply-patch+yaml"\n'
                f'cacert = "{cluster.authority}"\noutput = "/dev/null"\nhttp2\nfail\nsilent\n')
    return timed(["curl", "-Z", "--parallel-max", "8", "-K", config])


def writes(rolloutc, cluster, folder, count):
    files = []
    figures = {"ours": [], "kubectl": [], "client": [], "plain": []}
    for i in range(ROUNDS + 1):
        file = os.path.join(folder, f"bench{i}.rollout")
        with open(file, "w") as out:
            out.write(plan(f"bench{i}", count))
        files.append(file)
    objects = list(deployments(rolloutc, files[0]))
    stream = os.path.join(folder, "objects.json")
    with open(stream, "w") as file:
        json.dump({"apiVersion": "v1", "kind": "List", "items": objects}, file)
    # For the second runs: done to the end, with controllers that are not stopped.
    standing = files.pop()
    Applied(rolloutc, cluster, standing)
    cluster.controllers(False)
    for i in range(ROUNDS):
        figures["ours"].append(Applied(rolloutc, cluster, files[i], stop_at_gate=True).writing)
        for tool in ("kube", "client", "plain"):
            cluster.make_namespace(f"{tool}{i}")
        figures["kubectl"].append(
            timed(["kubectl", "apply", "--server-side", "-n", f"kube{i}", "-f", stream], env=cluster.environment))
        figures["client"].append(
            timed(["kubectl", "apply", "-n", f"client{i}", "-f", stream], env=cluster.environment))
        figures["plain"].append(plain_load(cluster, f"plain{i}", objects, folder))
    ours = statistics.median(figures["ours"])

    def versus(peer):
        return statistics.median(theirs / our for our, theirs in zip(figures["ours"], figures[peer]))

    for words, peer in (("kubectl apply", "client"), ("kubectl apply --server-side", "kubectl")):
        row(f"{count:,} Deployments created; `{words}`", f"{count / ours:.0f}/s",
            f"{count / statistics.median(figures[peer]):.0f}/s", f"{versus(peer):.1f} × faster", "3 ×")
    row("the same; curl, 8 requests at a time over HTTP/2", f"{count / ours:.0f}/s",
        f"{count / statistics.median(figures['plain']):.0f}/s", f"{versus('plain') * 100:.0f} %", "80 %")
    figures = {"ours": [], "kubectl": [], "client": []}
    for i in range(ROUNDS):
        again = Applied(rolloutc, cluster, standing)
        if again.outcome != "unchanged":
            sys.exit(f"the second run wrote: {again.outcome}")
        figures["ours"].append(again.wall)
        figures["kubectl"].append(
            timed(["kubectl", "apply", "--server-side", "-n", f"kube{i}", "-f", stream], env=cluster.environment))
        figures["client"].append(
            timed(["kubectl", "apply", "-n", f"client{i}", "-f", stream], env=cluster.environment))
    ours = statistics.median(figures["ours"])
    for words, peer in (("kubectl apply", "client"), ("kubectl apply --server-side", "kubectl")):
        row(f"{count:,} unchanged, whole process; `{words}`", f"{ours:.2f} s", f"{statistics.median(figures[peer]):.2f} s",
            f"{versus(peer):.1f} × faster", "8 ×")
    cluster.controllers(True)


class Watch(threading.Thread):
    """When the API server told of changes to one kind, by our clock."""

    def __init__(self, cluster, path, see):
        super().__init__(daemon=True)
        self.stream = cluster.get(path + "?watch=true&timeoutSeconds=600")
        self.see = see

    def run(self):
        for line in self.stream:
            now = time.perf_counter()
            self.see(now, json.loads(line))


def hand_over(rolloutc, cluster, folder, steps, port):
    """From the event that makes a Deployment available to that of the first object of the next step."""
    name = "backed" if port else "bare"
    file = os.path.join(folder, name + ".rollout")
    with open(file, "w") as out:
        out.write(plan(name, steps, replicas=1, steps=True, port=port))
    made, available = {}, {}

    def see(now, event):
        item = event["object"]
        if event["type"] not in ("ADDED", "MODIFIED") or not item["metadata"]["name"].startswith("c"):
            return
        # Of a step with a Service the first object is that one.
        number = int(item["metadata"]["name"][1:].split("-")[0])
        made.setdefault(number, now)
        conditions = item.get("status", {}).get("conditions", [])
        if any(c["type"] == "Available" and c["status"] == "True" for c in conditions) and item["kind"] == "Deployment":
            if item["status"].get("availableReplicas") == 1:
                available.setdefault(number, now)

    for path in (f"/apis/apps/v1/namespaces/{name}/deployments", f"/api/v1/namespaces/{name}/services"):
        Watch(cluster, path, see).start()
    child = subprocess.run(
        [rolloutc, "apply", file, "--yes", "--settle", "0s", "--output", "ndjson"], env=cluster.environment,
        capture_output=True, text=True)
    if child.returncode != 0:
        sys.exit(f"rolloutc apply: {child.stdout[-600:]}{child.stderr[-300:]}")
    time.sleep(0.5)
    gaps = sorted((made[n + 1] - available[n]) * 1000 for n in range(steps - 1) if n in available and n + 1 in made)
    words = "with a Service, whose endpoints are waited for too" if port else "without a Service"
    row(f"a step's first write after the last one's Deployment is available, {words}, {len(gaps)} times",
        f"{statistics.median(gaps):.0f} ms", f"{gaps[min(len(gaps) - 1, len(gaps) * 99 // 100)]:.0f} ms")


def memory(rolloutc, cluster, folder, count):
    file = os.path.join(folder, "many.rollout")
    with open(file, "w") as out:
        out.write(plan("many", count))
    compiled = subprocess.Popen([rolloutc, "check", file], stdout=subprocess.DEVNULL)
    _, _, usage = os.wait4(compiled.pid, 0)
    cluster.controllers(False)
    first = Applied(rolloutc, cluster, file, stop_at_gate=True)
    again = Applied(rolloutc, cluster, file, stop_at_gate=True)
    cluster.controllers(True)
    row(f"`check`, which compiles and proves {count:,} Deployments", f"{usage.ru_maxrss / 1024:.0f} MiB", "")
    row(f"`apply` that creates them", f"{first.memory:.0f} MiB", f"{first.writing:.1f} s")
    row(f"`apply` that finds all of them there", f"{again.memory:.0f} MiB", f"{again.writing:.1f} s")


def main(count=1000, steps=40):
    for tool in ("kubectl", "curl"):
        if not shutil.which(tool):
            print(f"{tool} is not installed: not measured on a cluster")
            return
    folder = tempfile.mkdtemp(prefix="rolloutc-bench-")
    rolloutc = shutil.copy(BUILT, folder)
    cluster = Cluster(os.path.join(folder, "cluster"))
    try:
        # First: afterwards the controllers have thousands of Deployments to catch up with.
        row("what", "median", "99th percentile")
        row("---", "---", "---")
        for port in (False, True):
            hand_over(rolloutc, cluster, folder, int(steps), port)
        print()
        if int(count):
            row("what", "rolloutc", "beside it", "ratio", "wanted")
            row("---", "---", "---", "---", "---")
            writes(rolloutc, cluster, folder, int(count))
            print()
        row("objects in the inventory", "peak memory", "time")
        row("---", "---", "---")
        memory(rolloutc, cluster, folder, int(count) * 10 or 10_000)
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
