#!/usr/bin/env python3
"""Writes a plan of N components with two versions each: both releases deployed, the second behind a cookie."""
import sys


def plan(count):
    lines = ["plan large", "language 1", "", "mesh istio mtls strict", 'expose c0 on port 80 hosts "*" path /', ""]
    for i in range(count):
        lines += [
            f"component c{i} {{",
            f"  image registry.example.com/team/c{i}",
            "  port 8080 http",
            "  replicas 2",
        ]
        callees = [j for j in (2 * i + 1, 2 * i + 2) if j < count]
        if callees:
            lines.append("  calls " + ", ".join(f"c{j}" for j in callees))
        lines += ["  env MODE = production", "  version 1.0, 2.0", "}", ""]
    for version in ("1.0", "2.0"):
        lines.append(f"release {version} {{")
        lines += [f"  c{i} {version}" for i in range(count)]
        lines += ["}", ""]
    lines += [
        "cookie flag is flag = on",
        "",
        'step "Deploy both" {',
        "  deploy release 1.0",
        "  deploy release 2.0",
        "  route c0 cookie flag -> 2.0",
        "}",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(plan(int(sys.argv[1])))
