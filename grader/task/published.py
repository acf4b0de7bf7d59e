"""Read what can be known of a published competition notebook: its flag, its slots, its metric, and what it downloads."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from grader.notebooks.program import definitions, parse_or_empty
from grader.notebooks.reading import Json, is_code, labels, source
from grader.task.rules import PARAMETERS
from grader.task.scorers import scorer_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_FLAG = re.compile(r"\w*(?:FINAL|EVAL)\w*")
_LOCKED = re.compile(
    r"^#+ *(?:DO NOT (?:CHANGE|EDIT|MODIFY)|NIE ZMIENIAJ|NICHT ÄNDERN)", re.MULTILINE | re.IGNORECASE
)
_ASKS = re.compile(
    r"#+ *(?:(?:WRITE |PUT |ENTER )?YOUR (?:CODE|SOLUTION)|TWÓJ KOD|DEIN CODE|TODO\b)", re.IGNORECASE
)
_YOURS = re.compile(r"[Yy]our\w*")
_HEADING = re.compile(r"^#{1,3} +(.+?) *#*$", re.MULTILINE)
_DRIVE = re.compile(r"(?:gdown|drive\.google)[^\n]*?[\"'/=]([\w-]{25,60})\b")
_SECONDS = re.compile(r"(?:time|limit|czas|zeit)[^.\n]{0,60}?(\d{1,4}) *(s\b|sec|min|sek)", re.IGNORECASE)
# What scikit-learn calls a metric, the surest first, and our name.
_METRICS = (
    (r"balanced_accuracy_score", "balanced_accuracy"),
    (r"roc_auc_score", "roc_auc"),
    (r"f1_score[^\n]*macro", "macro_f1"),
    (r"f1_score[^\n]*micro", "micro_f1"),
    (r"mean_absolute_error|\bl1_loss", "mae"),
    (r"root_mean_squared_error|squared=False", "rmse"),
    (r"mean_squared_error|mse_loss|MSELoss", "mse"),
    (r"r2_score", "r2"),
    (r"\blog_loss", "log_loss"),
    (r"accuracy_score", "accuracy"),
)


@dataclass(frozen=True)
class PublishedSlot:
    """A cell that students fill, by its index: the entries that it defines, and the methods of those that are classes."""

    index: int
    entries: tuple[str, ...]
    methods: dict[str, tuple[str, ...]] = field(default_factory=dict)
    signatures: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the slot among several."""
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", self.entries[0]).lower().removeprefix("your").strip("_")
        return re.sub(r"\W", "_", words)[:31] or "slot"


@dataclass(frozen=True)
class PublishedNotebook:
    """What was read; `scorer` and `ends`, the values of 0 and of 100 points, are None where the notebook does not show them.

    `flag` is the name of the flag of the final evaluation, "" where there is none; `parameters` are values of our own
    parameters that the notebook sets; `elsewhere` are names that the slots read and that other cells define, with the cell.
    """

    cells: list[Json]
    title: str
    story: str
    flag: str
    slots: tuple[PublishedSlot, ...]
    parameters: dict[str, object]
    scorer: str | None
    ends: tuple[float, float] | None
    wall_seconds: int | None
    drive_ids: tuple[str, ...]
    elsewhere: dict[str, str]
    imports: tuple[str, ...]


def read_published(notebook: Json) -> PublishedNotebook:
    """Return what can be known of `notebook`, the raw JSON of a notebook that can be read."""
    cells = notebook["cells"]
    code = "\n".join(source(cell) for cell in cells if is_code(cell))
    prose = "\n\n".join(source(cell) for cell in cells if not is_code(cell))
    slots = tuple(_slots(cells))
    title, story = _title_and_story(prose)
    scorer = next((key for pattern, key in _METRICS if re.search(pattern, code)), None)
    return PublishedNotebook(
        cells=cells,
        title=title,
        story=story,
        flag=next(_flags(cells), ""),
        slots=slots,
        parameters=_parameters(cells),
        scorer=scorer,
        ends=_fitting_ends(cells, scorer),
        wall_seconds=_wall_seconds(prose),
        drive_ids=tuple(dict.fromkeys(_DRIVE.findall(code))),
        elsewhere=_elsewhere(notebook, slots),
        imports=tuple(_imports(cells, slots)),
    )


def assigned_literal(node: ast.stmt) -> tuple[str, object] | None:
    """Return the name and the value of an assignment of a literal to one name; None for any other statement."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target, value = node.targets[0], node.value
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        target, value = node.target, node.value
    else:
        return None
    return (
        (target.id, value.value) if isinstance(target, ast.Name) and isinstance(value, ast.Constant) else None
    )


def _title_and_story(prose: str) -> tuple[str, str]:
    heading = _HEADING.search(prose)
    title = re.sub(r"[*_`]", "", heading[1]).strip() if heading else ""
    below = prose[heading.end() :] if heading else prose
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", below)]
    texts = [part for part in paragraphs if part[:1].isalpha()]
    return title, re.sub(r"[*_`]", "", texts[0])[:300] if texts else ""


def _flags(cells: Sequence[Json]) -> Iterator[str]:
    for _, name, value in _literals(cells):
        if isinstance(value, bool) and _FLAG.fullmatch(name):
            yield name


def _literals(cells: Sequence[Json]) -> Iterator[tuple[int, str, object]]:
    """Yield (cell, name, value) of each literal that is assigned at top level."""
    for index, cell in enumerate(cells):
        if is_code(cell):
            for node in parse_or_empty(source(cell)).body:
                if (found := assigned_literal(node)) is not None:
                    yield index, *found


def _parameters(cells: Sequence[Json]) -> dict[str, object]:
    """Return the values of our own parameters but the flag that the notebook sets, where their kind is ours."""
    values = {name: value for _, name, value in _literals(cells) if type(value) is PARAMETERS.get(name)}
    values.pop("FINAL_EVALUATION_MODE", None)
    return values


def _slots(cells: Sequence[Json]) -> Iterator[PublishedSlot]:
    """Yield the cells that define `your_...` or `Your...`, or ask for code above a definition; of equal entries the last."""
    candidates: dict[tuple[str, ...], PublishedSlot] = {}
    for index, cell in enumerate(cells):
        text = source(cell)
        if not is_code(cell) or _LOCKED.search(text):
            continue
        body = parse_or_empty(text).body
        nodes = {node.name: node for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        entries = tuple(name for name in nodes if _YOURS.match(name))
        if not entries and _ASKS.search(text):
            entries = tuple(nodes)
        if entries:
            candidates.pop(entries, None)
            chosen = [nodes[name] for name in entries]
            methods = {node.name: _methods(node) for node in chosen if isinstance(node, ast.ClassDef)}
            signatures = tuple(text for node in chosen for text in _signatures(node))
            candidates[entries] = PublishedSlot(index, entries, methods, signatures)
    seen: set[str] = set()
    for slot in reversed(candidates.values()):
        if not seen & set(slot.entries):
            seen |= set(slot.entries)
        else:
            del candidates[slot.entries]
    yield from sorted(candidates.values(), key=lambda slot: slot.index)


def _methods(node: ast.ClassDef) -> tuple[str, ...]:
    functions = [part.name for part in node.body if isinstance(part, ast.FunctionDef)]
    return tuple(name for name in functions if not name.startswith("_"))


def _signatures(node: ast.FunctionDef | ast.ClassDef) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef):
        returns = f" -> {ast.unparse(node.returns)}" if node.returns else " -> result"
        yield f"{node.name}({ast.unparse(node.args)}){returns}"
        return
    for part in node.body:
        if isinstance(part, ast.FunctionDef) and (part.name == "__init__" or not part.name.startswith("_")):
            arguments = ast.unparse(part.args).removeprefix("self").removeprefix(", ")
            yield f"{node.name if part.name == '__init__' else part.name}({arguments})"


def _fitting_ends(cells: Sequence[Json], scorer: str | None) -> tuple[float, float] | None:
    """Return the values of 0 and 100 points that the code shows, if they fit the direction and range of the metric."""
    metric = scorer_named(scorer or "accuracy")
    for floor, ceiling in _ends(cells):
        rising = floor < ceiling
        if (
            rising == (metric.best == "high")
            and metric.low <= min(floor, ceiling) <= max(floor, ceiling) <= metric.high
        ):
            return floor, ceiling
    return None


def _ends(cells: Sequence[Json]) -> Iterator[tuple[float, float]]:
    """Yield floor and ceiling of each `(value - floor) / (ceiling - floor)` or `(floor - value) / (floor - ceiling)`."""
    numbers = {name: value for _, name, value in _literals(cells)}
    for cell in cells:
        for node in ast.walk(parse_or_empty(source(cell))) if is_code(cell) else ():
            match node:
                case ast.BinOp(ast.BinOp(left, ast.Sub(), right), ast.Div(), width) | ast.BinOp(
                    ast.BinOp(_, ast.Mult(), ast.BinOp(left, ast.Sub(), right)), ast.Div(), width
                ):
                    falls = _number(left, numbers) is not None
                    floor, span = _number(left if falls else right, numbers), _number(width, numbers)
                    if floor is not None and span is not None:
                        yield floor, floor - span if falls else floor + span


def _number(node: ast.expr, numbers: Mapping[str, object]) -> float | None:
    """Return the value of a number, of a name for one, or of a difference of such; None where it cannot be read."""
    match node:
        case ast.BinOp(left, ast.Sub(), right):
            first, second = _number(left, numbers), _number(right, numbers)
            return None if first is None or second is None else first - second
        case ast.Constant(value):
            found: object = value
        case ast.Name(name):
            found = numbers.get(name)
        case _:
            return None
    return float(found) if isinstance(found, int | float) and not isinstance(found, bool) else None


def _wall_seconds(prose: str) -> int | None:
    match = _SECONDS.search(prose)
    if match is None:
        return None
    return int(match[1]) * (60 if match[2].lower().startswith("min") else 1)


def _reads(cell: Json) -> set[str]:
    nodes = ast.walk(parse_or_empty(source(cell)))
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _elsewhere(notebook: Json, slots: Sequence[PublishedSlot]) -> dict[str, str]:
    """Return the names of functions, classes and values that slots read and only other cells define."""
    cells, homes = notebook["cells"], dict[str, str]()
    inside = {slot.index for slot in slots}
    own = {name for index in inside for name, _ in definitions(parse_or_empty(source(cells[index])))}
    read = {name for index in inside for name in _reads(cells[index])} - own
    for index, (cell, label) in enumerate(zip(cells, labels(notebook), strict=True)):
        if not is_code(cell) or index in inside:
            continue
        for name, node in definitions(parse_or_empty(source(cell))):
            if name in read and not isinstance(node, ast.Import | ast.ImportFrom):
                homes[name] = label
    return homes


def _imports(cells: Sequence[Json], slots: Sequence[PublishedSlot]) -> Iterator[str]:
    """Yield the imports of other cells whose names the slots read."""
    inside = {slot.index for slot in slots}
    read = {name for index in inside for name in _reads(cells[index])}
    seen: set[str] = set()
    for index, cell in enumerate(cells):
        if not is_code(cell) or index in inside:
            continue
        for node in parse_or_empty(source(cell)).body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                for alias in node.names:
                    name = alias.asname or alias.name.split(".")[0]
                    if name in read - seen:
                        seen.add(name)
                        yield _import_of(node, alias)


def _import_of(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> str:
    if isinstance(node, ast.Import):
        return ast.unparse(ast.Import([alias]))
    return ast.unparse(ast.ImportFrom(node.module, [alias], node.level))
