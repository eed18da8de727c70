"""Prints one closing line for all test binaries of a `cargo test` run.

Usage: summary.py LOG
"""

import re
import sys

counts = [0, 0, 0]
with open(sys.argv[1], errors="replace") as log:
    for line in log:
        found = re.match(r"test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored", line)
        if found:
            counts = [count + int(text) for count, text in zip(counts, found.groups())]
print(f"\n{counts[0]} passed, {counts[1]} failed, {counts[2]} skipped")
