"""Answers what RE2 says. Reads lines `P<hex>` (a pattern) and `T<hex>` (a text for the last pattern).

Answers `ok` or `error` for a pattern, and two digits for a text: full match, match somewhere.
"""

import sys

import re2

options = re2.Options()
options.log_errors = False
options.max_mem = 256 << 20
regexp = None
out = []
for line in sys.stdin:
    data = bytes.fromhex(line[1:].strip())
    if line[0] == "P":
        try:
            regexp = re2._Regexp(data, options)
            out.append("ok")
        except re2.error as e:
            regexp = None
            out.append("error " + " ".join(repr(a) for a in e.args))
    elif regexp is None:
        out.append("--")
    else:
        full = regexp.fullmatch(data) is not None
        found = regexp.search(data) is not None
        out.append(f"{int(full)}{int(found)}")
sys.stdout.write("\n".join(out) + "\n")
