"""Answers what RE2 says. Reads lines `P<hex>` (a pattern), `L<hex>` (one in Latin-1) and `T<hex>` (a text for the last pattern).

Answers `ok` or `error` for a pattern, and two digits for a text: full match, match somewhere.
"""

import sys

import re2

options = re2.Options()
options.log_errors = False
options.max_mem = 256 << 20
latin1 = re2.Options()
latin1.log_errors = False
latin1.max_mem = 256 << 20
latin1.encoding = re2.Options.Encoding.LATIN1
regexp = None
out = []
for line in sys.stdin:
    data = bytes.fromhex(line[1:].strip())
    if line[0] in "PL":
        try:
            regexp = re2._Regexp(data, options if line[0] == "P" else latin1)
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
