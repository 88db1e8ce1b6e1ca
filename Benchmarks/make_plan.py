#!/usr/bin/env python3
"""Writes large plans, for measuring.

    make_plan.py N                  N components in two releases, both deployed in one step, the second behind a cookie
    make_plan.py N STEPS            N components without releases; after the first step, each one updates some of them
    make_plan.py N STEPS releases   N components in two releases, the second opened to more visitors step by step

Components call each other as a binary tree, so a request passes through each of them.
"""
import sys

UPDATES = 20


def component(i, count, versions):
    """Component `i` of a binary tree of them."""
    lines = [
        f"component c{i} {{",
        f"  image registry.example.com/team/c{i}",
        "  port 8080 http",
        "  replicas 2",
    ]
    callees = [j for j in (2 * i + 1, 2 * i + 2) if j < count]
    if callees:
        lines.append("  calls " + ", ".join(f"c{j}" for j in callees))
    return lines + ["  env MODE = production", "  version " + ", ".join(versions), "}", ""]


def head():
    return ["plan large", "language 1", "", "mesh istio mtls strict", 'expose c0 on port 80 hosts "*" path /', ""]


def released(count):
    lines = head()
    for i in range(count):
        lines += component(i, count, ["1.0", "2.0"])
    for version in ("1.0", "2.0"):
        lines.append(f"release {version} {{")
        lines += [f"  c{i} {version}" for i in range(count)]
        lines += ["}", ""]
    return lines + ["cookie flag is flag = on", ""]


def step(name, statements):
    return [f'step "{name}" {{'] + ["  " + statement for statement in statements] + ["}", ""]


def plan(count):
    return released(count) + step(
        "Deploy both", ["deploy release 1.0", "deploy release 2.0", "route c0 cookie flag -> 2.0"])


def shared(count, steps):
    """Shares from 1 to 99 %; the last step gives everything to the second release and takes the first away."""
    lines = released(count) + step("Deploy 1.0", ["deploy release 1.0"])
    lines += step("Try 2.0", ["deploy release 2.0", "route c0 cookie flag -> 2.0"])
    for s in range(3, steps):
        lines += step(f"Share {s}", [f"route c0 {1 + (s - 3) * 99 // max(1, steps - 3)}% -> 2.0"])
    return lines + step("Finish", ["route c0 all -> 2.0", "retire 1.0"])


def updated(count, steps):
    """Each step brings the next version of some components, sends everybody to it and removes the last one."""
    rounds = []
    version = [1] * count
    for u in range((steps - 1) * min(UPDATES, count)):
        if u % min(UPDATES, count) == 0:
            rounds.append([])
        i = u % count
        rounds[-1] += [f"deploy c{i} {version[i] + 1}", f"route c{i} all -> {version[i] + 1}", f"retire c{i} {version[i]}"]
        version[i] += 1
    lines = head()
    for i in range(count):
        lines += component(i, count, [str(v) for v in range(1, version[i] + 1)])
    lines += step("Deploy", [f"deploy c{i} 1" for i in range(count)])
    for s, statements in enumerate(rounds):
        lines += step(f"Update {s + 1}", statements)
    return lines


def main(count, steps=None, shape=None):
    if steps is None:
        lines = plan(int(count))
    elif shape == "releases":
        lines = shared(int(count), int(steps))
    else:
        lines = updated(int(count), int(steps))
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main(*sys.argv[1:])
