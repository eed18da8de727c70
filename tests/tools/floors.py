"""Checks that arrows between the crates point down, and that light embedders stay light.

Usage: floors.py METADATA, the output of `cargo metadata`.
"""

import json
import subprocess
import sys

# A crate may use crates of lower floors, and nothing else of the workspace.
FLOORS = {
    "metalab-cas": 1,
    "metalab-macros": 1,
    "metalab-engine": 2,
    "metalab-executors": 3,
    "metalab-query": 3,
    "metalab-cli": 4,
    "metalab": 5,
    "metalab-benches": 6,
}
# What may be in the tree of a program that does not ask for SQL.
LIGHT_MOST = 135
HEAVY = ("deltalake", "datafusion", "arrow", "parquet")


def main(path: str) -> int:
    with open(path) as file:
        metadata = json.load(file)
    wrong = []
    for package in metadata["packages"]:
        name = package["name"]
        if not name.startswith("metalab"):
            continue
        if name not in FLOORS:
            wrong.append(f"crate `{name}` has no floor: add it to tests/tools/floors.py")
            continue
        for dependency in package["dependencies"]:
            other = dependency["name"]
            if other in FLOORS and FLOORS[other] >= FLOORS[name] and dependency["kind"] != "dev":
                wrong.append(f"`{name}` (floor {FLOORS[name]}) uses `{other}` (floor {FLOORS[other]}): arrows point down")
    tree = subprocess.run(
        ["cargo", "tree", "--locked", "-p", "metalab", "--no-default-features", "-e", "normal,build", "--prefix", "none"],
        check=True, capture_output=True, text=True,
    ).stdout
    light = {line.split()[0] + " " + line.split()[1] for line in tree.splitlines() if line.strip()}
    for crate in sorted(light):
        if crate.split()[0].startswith(HEAVY):
            wrong.append(f"without the feature `query`, `{crate}` is still built")
    if len(light) > LIGHT_MOST:
        wrong.append(f"without the feature `query`, {len(light)} crates are built, more than {LIGHT_MOST}")
    for line in wrong:
        print(line)
    print(f"{len(FLOORS)} crates on their floors; {len(light)} crates without `query`" if not wrong else "floors broken")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
