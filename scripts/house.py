"""Figures of how the code reads: what a newcomer has to carry in the head, counted.

    scripts/house.sh            every figure, one line each
    scripts/house.sh --where    and the places behind them

It reads text and knows a little of Rust's form; it is a ruler, not a compiler.
"""

import argparse
import pathlib
import re
import subprocess
from collections import defaultdict

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Words that a reader has to decode, with what to write instead.
BANNED = {
    "told": "given, notified, reported",
    "tells": "notifies, returns, names",
    "hears": "receives",
    "says": "returns, reports, means",
    "somebody": "a person, a user",
    "whoever": "the caller, who",
    "so many": "a number",
    "beside": "next to, with",
    "anew": "again",
    "of ours": "our",
    "stands": "is",
}
BANNED_RE = re.compile(r"\b(" + "|".join(BANNED) + r")\b", re.IGNORECASE)
IMPL_FILES_MAX = 3
LONG_FUNCTION = 25
LONG_FILE = 400


class File:
    """One file of Rust: its lines, and which of them are tests."""

    def __init__(self, path):
        self.path = path.relative_to(ROOT)
        self.crate = self.path.parts[0]
        self.lines = path.read_text().splitlines()
        tests_at = next((i for i, line in enumerate(self.lines) if line == "#[cfg(test)]"), len(self.lines))
        # A file of tests alone is declared by its parent: `#[cfg(test)] mod tests;`.
        inline = tests_at < len(self.lines) and any(
            re.match(r"mod \w+ \{", line) for line in self.lines[tests_at + 1 : tests_at + 3]
        )
        self.code = self.lines[:tests_at] if inline else self.lines
        in_src = len(self.path.parts) > 1 and self.path.parts[1] == "src"
        is_tests = self.path.name.endswith("tests.rs") or "tests" in self.path.parts
        self.is_shipped = in_src and not is_tests and self.crate in SHIPPED


SHIPPED = {
    path.parent.name
    for path in ROOT.glob("pledge-*/Cargo.toml")
    if path.parent.name not in ("pledge-testing",)
}


def tracked():
    names = subprocess.run(
        ["git", "ls-files", "*.rs"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    return [File(ROOT / name) for name in names if (ROOT / name).exists()]


def is_testing(file):
    return file.crate == "pledge-testing"


def core_without_tests(files):
    lines = [f for f in files if f.crate == "pledge-core" and f.is_shipped and not is_testing(f)]
    return sum(len(f.code) for f in lines), sorted(f"{len(f.code):5} {f.path}" for f in lines)[-10:]


def spread(files):
    """Objects whose own methods are in more files than a reader keeps open."""
    homes = defaultdict(set)
    for file in files:
        if not file.is_shipped or is_testing(file):
            continue
        for line in file.code:
            found = re.match(r"impl(?:<[^{]*?>)? ([A-Z]\w*)(?:<[^{]*>)? (?:where|\{)", line)
            if found:
                homes[file.crate, found[1]].add(file.path)
    wide = {key: paths for key, paths in homes.items() if len(paths) > IMPL_FILES_MAX}
    return len(wide), [f"{len(p):3} files  {c} {name}" for (c, name), p in sorted(wide.items())]


def module_of(path):
    parts = list(path.parts[2:])
    parts[-1] = parts[-1].removesuffix(".rs")
    if parts[-1] in ("lib", "main", "mod"):
        parts.pop()
    return tuple(parts)


def circles(files):
    """Groups of sibling modules that import each other, directly or through others."""
    by_crate = defaultdict(dict)
    for file in files:
        if file.is_shipped and not is_testing(file):
            by_crate[file.crate][module_of(file.path)] = file
    found = []
    for crate, modules in sorted(by_crate.items()):
        edges = {module: imports(module, file, modules) for module, file in modules.items()}
        found += [f"{crate}: " + ", ".join("::".join(m) for m in sorted(ring)) for ring in rings(edges)]
    return len(found), found


def imports(module, file, modules):
    """The modules that a file names in `use`; a parent and its child are one thing with two files."""
    text = "\n".join(file.code)
    text = re.sub(r"(?m)^\s*pub(\(\w+\))? use .*?;", "", text, flags=re.DOTALL)
    targets = set()
    for statement in re.findall(r"(?m)^use (.*?);", text, flags=re.DOTALL):
        for path in expand(re.sub(r"\s+", "", statement.replace(" as ", "@"))):
            names = path.split("::")
            if names[0] == "crate":
                absolute = names[1:]
            elif names[0] in ("super", "self"):
                absolute = list(module)
                while names and names[0] in ("super", "self"):
                    if names.pop(0) == "super" and absolute:
                        absolute.pop()
                absolute += names
            else:
                continue
            target = next(
                (tuple(absolute[:n]) for n in range(len(absolute), 0, -1) if tuple(absolute[:n]) in modules), None
            )
            if target and target != module and not is_kin(module, target):
                targets.add(target)
    return targets


def is_kin(one, other):
    return one[: len(other)] == other or other[: len(one)] == one


def expand(path):
    """`a::{b, c::{d}}` as `a::b`, `a::c::d`."""
    brace = path.find("{")
    if brace < 0:
        return [path]
    head, depth, parts, start = path[:brace], 0, [], brace + 1
    for i in range(brace, len(path)):
        depth += {"{": 1, "}": -1}.get(path[i], 0)
        if (path[i] == "," and depth == 1) or depth == 0:
            parts.append(path[start:i])
            start = i + 1
            if depth == 0:
                break
    return [head + tail for part in parts if part for tail in expand(part)]


def rings(edges):
    """Strongly connected groups of more than one module (Tarjan)."""
    index, low, stack, on, out = {}, {}, [], set(), []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        on.add(node)
        for target in edges.get(node, ()):
            if target not in index:
                visit(target)
                low[node] = min(low[node], low[target])
            elif target in on:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            ring = set()
            while True:
                member = stack.pop()
                on.discard(member)
                ring.add(member)
                if member == node:
                    break
            if len(ring) > 1:
                out.append(ring)

    for node in edges:
        if node not in index:
            visit(node)
    return out


def words(files, of):
    """Lines with a banned word, in docs and comments (`of` = "docs") or in texts and names ("code")."""
    places = []
    for file in files:
        for number, line in enumerate(file.lines, 1):
            prose = line.strip().startswith("//")
            texts = " ".join(re.findall(r'"(?:[^"\\]|\\.)*"', line))
            judged = line if prose else texts
            if (of == "docs") == prose and BANNED_RE.search(judged):
                places.append(f"{file.path}:{number}: {line.strip()}")
    return len(places), places


def documents_words():
    names = subprocess.run(
        ["git", "ls-files", "*.md", "*.sh", "*.sql", "*.toml"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.split()
    places = []
    for name in names:
        if name == "CHANGELOG.md":
            continue
        for number, line in enumerate((ROOT / name).read_text().splitlines(), 1):
            if BANNED_RE.search(line):
                places.append(f"{name}:{number}: {line.strip()}")
    return len(places), places


def comments(files):
    shipped = [line for f in files if f.is_shipped for line in f.code]
    why = sum(1 for line in shipped if re.match(r"\s*//(?![/!])", line))
    return f"{100 * why / len(shipped):.2f} %", []


def uncommented(files):
    """Functions of 25 lines or more without a comment inside."""
    places = []
    for file in files:
        if not file.is_shipped:
            continue
        start = None
        for number, line in enumerate(file.code):
            begin = re.match(r"( *)(?:pub(?:\([a-z:]+\))? )?(?:const |async |unsafe )*fn (\w+)", line)
            if begin and start is None:
                start, indent, name = number, begin[1], begin[2]
            if start is not None and line == f"{indent}}}":
                body = file.code[start : number + 1]
                if len(body) >= LONG_FUNCTION and not any("// " in text for text in body):
                    places.append(f"{file.path}:{start + 1}: {name}, {len(body)} lines")
                start = None
            elif start is not None and line.rstrip().endswith(";") and number == start:
                start = None
    return len(places), places


def repeated_docs(files):
    """Docs of two words or fewer: they repeat the name of what they are about."""
    places = []
    for file in files:
        for number, line in enumerate(file.code, 1):
            found = re.match(r"\s*/// (\S+(?: \S+)?)$", line)
            alone = found and not file.code[number - 2].strip().startswith("///")
            followed = found and number < len(file.code) and file.code[number].strip().startswith("///")
            if alone and not followed:
                places.append(f"{file.path}:{number}: {line.strip()}")
    return len(places), places


def long_files(files):
    places = [f"{len(f.lines):5} {f.path}" for f in files if len(f.lines) > LONG_FILE]
    return len(places), sorted(places, reverse=True)


def main():
    parser = argparse.ArgumentParser(prog="scripts/house.sh", description=__doc__.splitlines()[0])
    parser.add_argument("--where", action="store_true", help="the places behind each figure")
    where = parser.parse_args().where
    files = tracked()
    figures = {
        "lines of pledge-core, tests and testing aside": core_without_tests(files),
        f"objects with methods in more than {IMPL_FILES_MAX} files": spread(files),
        "circles of modules": circles(files),
        "banned words in comments and docs (lines)": words(files, "docs"),
        "banned words in texts (lines)": words(files, "code"),
        "banned words in documents (lines)": documents_words(),
        "comments (`//`) among shipped lines": comments(files),
        f"functions of {LONG_FUNCTION} lines or more without a comment": uncommented(files),
        "docs of one or two words": repeated_docs(files),
        f"files longer than {LONG_FILE} lines": long_files(files),
    }
    for name, (figure, places) in figures.items():
        print(f"{name:56} {figure}")
        if where:
            for place in places:
                print(f"    {place}")


main()
