"""Measure the house: files side by side, floors of imports, arrows between rooms, circles, and names that exist twice.

    python benchmarks/structure.py                    this clone
    python benchmarks/structure.py ../other_clone     another one

Type-only imports count. A **floor** is the length of the longest chain of imports between units, where a circle is one
unit; an **arrow** is one room that imports another; a **circle** is a group of units that import each other in turn.
"""

from __future__ import annotations

import ast
import json
import sys
from collections import defaultdict
from pathlib import Path

import grimp

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "grader"

Imports = dict[str, set[str]]


def imports_of(clone: Path) -> Imports:
    """Return which modules of the package in `clone` each of its modules imports."""
    sys.path.insert(0, str(clone))
    try:
        graph = grimp.build_graph(PACKAGE, exclude_type_checking_imports=False, cache_dir=None)
    finally:
        sys.path.remove(str(clone))
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def rooms_of(imports: Imports) -> Imports:
    """Return which rooms, packages and single files directly in the package, each room imports."""
    rooms: Imports = defaultdict(set)
    for module, targets in imports.items():
        room = _room(module)
        rooms[room] |= {_room(target) for target in targets} - {room, PACKAGE}
    rooms.pop(PACKAGE, None)
    return dict(rooms)


def _room(module: str) -> str:
    return ".".join(module.split(".")[:2])


def circles(imports: Imports) -> list[set[str]]:
    """Return the groups of units that reach each other: strongly connected components of more than one unit."""
    reachable = {unit: _reachable(unit, imports) for unit in imports}
    groups = {
        frozenset(other for other in reachable[unit] if unit in reachable.get(other, set())) | {unit}
        for unit in imports
    }
    return [set(group) for group in groups if len(group) > 1]


def _reachable(start: str, imports: Imports) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for target in imports.get(waiting.pop(), set()) - seen:
            seen.add(target)
            waiting.append(target)
    return seen


def floors(imports: Imports) -> int:
    """Return the length of the longest chain of imports, counted in units; a circle is one unit."""
    names = {unit: unit for unit in imports}
    for group in circles(imports):
        names |= dict.fromkeys(group, min(group))
    merged: Imports = defaultdict(set)
    for unit, targets in imports.items():
        merged[names[unit]] |= {names[target] for target in targets if target in names} - {names[unit]}
    depths: dict[str, int] = {}

    def depth(unit: str) -> int:
        if unit not in depths:
            depths[unit] = 1 + max((depth(target) for target in merged[unit]), default=0)
        return depths[unit]

    return max(map(depth, list(merged)), default=0)


def shared_class_names(clone: Path) -> dict[str, list[str]]:
    """Return the class names that several modules of the package in `clone` define, each with their paths."""
    paths: dict[str, list[str]] = defaultdict(list)
    for path in _modules(clone):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                paths[node.name].append(path.relative_to(clone).as_posix())
    return {name: sorted(where) for name, where in sorted(paths.items()) if len(where) > 1}


def _modules(clone: Path) -> list[Path]:
    """Return the modules of the package; the templates of tasks in it are none."""
    return [path for path in (clone / PACKAGE).rglob("*.py") if "templates" not in path.parts]


def measured(clone: Path) -> dict[str, object]:
    """Return the figures of the package in `clone`."""
    imports = imports_of(clone)
    rooms = rooms_of(imports)
    package = clone / PACKAGE
    lengths = [len(path.read_text(encoding="utf-8").splitlines()) for path in _modules(clone)]
    return {
        "modules": len(lengths),
        "lines": sum(lengths),
        "longest file": max(lengths),
        "files side by side in grader/": len(list(package.glob("*.py"))),
        "rooms (packages in grader/)": len(list(package.glob("*/__init__.py"))),
        "most files side by side in a room": max(
            [len(list(init.parent.glob("*.py"))) for init in package.rglob("*/__init__.py")], default=0
        ),
        "floors of modules": floors(imports),
        "floors of rooms": floors(rooms),
        "imports between modules": sum(map(len, imports.values())),
        "arrows between rooms and single files": sum(map(len, rooms.values())),
        "circles of modules": sorted(map(sorted, circles(imports))),
        "circles of rooms": sorted(map(sorted, circles(rooms))),
        "class names that exist twice": shared_class_names(clone),
    }


if __name__ == "__main__":
    print(json.dumps(measured(Path(sys.argv[1]).resolve() if sys.argv[1:] else ROOT), indent=2))
