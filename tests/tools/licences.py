"""Checks licences and bans of all dependencies.

Usage: licences.py METADATA, the output of `cargo metadata`.

A licence expression passes when it can be satisfied by ALLOWED alone. Advisories need a database from the network
and are not checked here; known ones that we live with are listed in deny.toml.
"""

import json
import re
import sys

ALLOWED = {
    "MIT", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "Zlib", "0BSD", "CC0-1.0", "Unlicense", "BSL-1.0",
    "BlueOak-1.0.0", "MPL-2.0", "Unicode-3.0", "MIT-0", "CDLA-Permissive-2.0", "Apache-2.0 WITH LLVM-exception", "NCSA", "bzip2-1.0.6", "OpenSSL",
}
BANNED = {"openssl": "rustls is used", "openssl-sys": "rustls is used", "git2": "git is called, not linked"}
ONE_VERSION = {"datafusion", "arrow", "parquet", "object_store", "deltalake"}


def satisfied(expression: str) -> bool:
    expression = expression.replace("/", " OR ")
    tokens = re.findall(r"\(|\)|[^\s()]+", expression)
    words, at = [], 0
    while at < len(tokens):
        if at + 2 < len(tokens) and tokens[at + 1] == "WITH":
            words.append(" ".join(tokens[at : at + 3]))
            at += 3
        else:
            words.append(tokens[at])
            at += 1
    python = [
        word if word in "()" else {"AND": "and", "OR": "or"}.get(word, str(word in ALLOWED)) for word in words
    ]
    return bool(eval(" ".join(python), {"__builtins__": {}}))


def main(path: str) -> int:
    with open(path) as file:
        packages = json.load(file)["packages"]
    wrong, versions = [], {}
    for package in packages:
        name, licence = package["name"], package["license"]
        versions.setdefault(name, []).append(package["version"])
        if name in BANNED:
            wrong.append(f"`{name}` is banned: {BANNED[name]}")
        if licence is None:
            if package["license_file"] is None:
                wrong.append(f"`{name}` has no licence")
        elif not satisfied(licence):
            wrong.append(f"`{name}` has the licence {licence}, which is not on the list")
    for name in ONE_VERSION:
        if len(versions.get(name, [])) > 1:
            wrong.append(f"`{name}` is there in {len(versions[name])} versions: {', '.join(versions[name])}")
    for line in wrong:
        print(line)
    print(f"{len(packages)} packages checked" if not wrong else "licences or bans broken")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
