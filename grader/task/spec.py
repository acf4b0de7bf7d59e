"""A task is a folder: its spec (`task.toml`), its author notebook and its data builder."""

from __future__ import annotations

import hashlib
import json
import os
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path, PurePosixPath
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from pydantic import Field, ValidationError, model_validator

from grader.errors import UsageError, instead
from grader.files import READ, reporting_os_errors
from grader.gradebook.metric import Metric
from grader.task import program_table
from grader.task.files_table import FilesTable, check_fields_of_kind
from grader.task.interactive_table import InteractiveTable
from grader.task.limits import Limits
from grader.task.score_table import MetricTable, Score, StrictTable, check_direction, known_scorer
from grader.task.scorers import SCORE_FILE, scorer_named
from grader.task.slots_table import Slots, check_slots
from grader.task.source import data_source, notebook_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Kind = Literal["function", "program", "files", "interactive"]
_PACKAGE = Path(__file__).resolve().parent.parent


class Data(StrictTable):
    """Where the task's data come from, and where students may download the public part instead of building it."""

    source: str = "embedded"
    """What `data.py` gets as `source`: "embedded", "npz:PATH" (MedMNIST format) or "torchvision:NAME"."""
    drive_id: str = ""
    """Google Drive's id of the public zip; comes before `url`."""
    url: str = ""
    """Address of the public zip."""
    sha256: str = Field(default="", pattern="^([0-9a-f]{64})?$")
    """Hash of the public zip, as `grader prepare` prints it; needed with `drive_id` or `url`."""

    @model_validator(mode="after")
    def _downloads_are_checked(self) -> Data:
        if (self.drive_id or self.url) and not self.sha256:
            raise ValueError("data.drive_id and data.url need data.sha256, the hash of the zip")
        return self


class Size(StrictTable):
    """Another setting of the task than its default one: where its data come from, and the seconds of a repeat."""

    source: str
    """Takes the place of `data.source`."""
    wall_seconds: float = Field(gt=0)
    """Takes the place of `limits.wall_seconds`."""


class Stage(StrictTable):
    """One stage: the functions that its process answers, in the order of the tables, and how much it may return in all."""

    entries: tuple[str, ...] = Field(min_length=1)
    """Those of `entries` that belong to it; the first call of one ends the stage before, with its process."""
    max_values: int = Field(default=0, ge=0)
    """Numbers that its calls may return together; 8 bytes of text count as one. 0: as many as `[limits]` lets cross."""
    max_kb: int = Field(default=0, ge=0)
    """kB that its calls may return together. 0: as much as `[limits]` lets cross."""


class LintTable(StrictTable):
    """What `grader lint` finds and the author wants all the same."""

    allow: tuple[str, ...] = ()
    """Names of findings, as `grader lint` prints them."""
    reason: str = ""
    """Why; `grader lint` and `grader pack` print it."""

    @model_validator(mode="after")
    def _has_a_reason(self) -> LintTable:
        if self.allow and not self.reason.strip():
            raise ValueError("lint.allow needs lint.reason, a sentence that says why")
        return self


class Spec(StrictTable):
    """The contents of `task.toml`."""

    title: str
    """Title of the task, in the notebook and in reports."""
    story: str
    """A sentence or two that say what it is about."""
    version: str
    """The author's version; results name it, with a hash of what decides a score."""
    kind: Kind = "function"
    """What students hand in: a `function` that the protected cells call, a `program` that trains and predicts, `files` of predictions, or the player of an `interactive` judge."""
    entries: tuple[str, ...] = ()
    """Names of the functions and classes that the slot must define; none for `files`."""
    methods: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """The methods of each entry that is a class, such as `methods = {YourModel = ["fit", "predict"]}`."""
    signature: str = ""
    """Their arguments and what they return, as `name(arguments) -> result`; none for `files`."""
    repeats: int = Field(default=3, ge=1)
    """Complete evaluations, each with its own data; points are those of their mean."""
    leaderboard: Literal["best", "latest"] = "latest"
    """Which attempt of a student counts: unless stated, as recorded."""
    class_names: tuple[str, ...] = ()
    """What the story calls the classes 0, 1, ...; feedback uses these names."""
    slots: Slots = Field(default_factory=dict)
    """The slots of a notebook with several, each with the entries that its cell defines, such as `model = ["YourModel"]`."""
    stages: tuple[Stage, ...] = ()
    """Parts of a run that have a process of the student's each: what one returns is all that the next one knows of it."""
    on_error: Literal["end", "item"] = "end"
    """What a call that fails costs: the run, or its item, for which the protected cells get `item_default`."""
    item_default: bool | int | float | str | list[Any] | None = None
    """What stands for the answer of a call that failed, where `on_error` is "item"; without one, `None` does. Choose what earns nothing."""
    schema_version: Literal[1, 2] = Field(default=1, alias="schema")
    """Version of this file's form, written `schema`: 2 may have `[metric]` and `[[score.parts]]`."""
    metric: MetricTable = MetricTable()
    score: Score
    interactive: InteractiveTable = InteractiveTable()
    limits: Limits = Limits()
    program: program_table.ProgramTable = program_table.ProgramTable()
    data: Data = Data()
    lint: LintTable = LintTable()
    files: FilesTable | None = None
    sizes: dict[str, Size] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _scratch_is_a_limit(cls, values: Any) -> Any:
        return program_table.with_scratch(values)

    @model_validator(mode="after")
    def _program_fits(self) -> Spec:
        is_function = len(self.entries) == 1 and not self.methods and not self.stages
        self.program.check(self.kind, is_function=is_function, wall_seconds=self.limits.wall_seconds)
        # What a process leaves on a GPU is there for the next one: stages could not forget.
        if self.limits.gpu and (self.kind != "program" or self.limits.processes > 1 or self.stages):
            raise ValueError('limits.gpu needs kind = "program", one process and no stages')
        return self

    @model_validator(mode="after")
    def _score_fits_the_metric(self) -> Spec:
        newer = "metric" in self.model_fields_set or self.score.parts
        if self.schema_version == 1 and newer:
            raise ValueError("[metric] and [[score.parts]] need schema = 2; run: grader upgrade TASK")
        if self.score.parts and self.metric.scorer != SCORE_FILE:
            for gate in self.score.gates:
                known_scorer(gate.metric)
            for part in self.score.parts:
                check_direction(part, known_scorer(part.metric))
        if not self.score.parts:
            self._check_ends()
        return self

    def _check_ends(self) -> None:
        """Raise ValueError where the map falls in the direction in which the metric gets better, or leaves its range."""
        low, high = self.score.floor, self.score.ceiling
        if self.metric.described().best == "low":
            low, high = high, low
            if low >= high:
                raise ValueError("score.floor must be above score.ceiling where low is best")
        if low >= high:
            raise ValueError("score.floor must be below score.ceiling")
        if self.metric.scorer == SCORE_FILE:
            return
        scorer = scorer_named(self.metric.scorer)
        if low < scorer.low or high > scorer.high:
            raise ValueError(
                f"score.floor and score.ceiling must be values of {scorer.name}, from {scorer.low:g} to {scorer.high:g}"
            )

    @property
    def runs_code(self) -> bool:
        """Whether code of the student's runs when it is graded; else a file is read."""
        return self.files is None

    @property
    def hand_in(self) -> str:
        """Name of what students hand in: a notebook, which is one under any name, or the file of predictions."""
        return self.files.name if self.files else "notebook.ipynb"

    @property
    def ending(self) -> str:
        """The ending of what students hand in, with its dot: submissions have it wherever they are kept."""
        return PurePosixPath(self.hand_in).suffix

    @property
    def measured(self) -> Metric:
        """The metric of results: the one of `[metric]`, or the points that the parts earn."""
        if not self.score.parts:
            return self.metric.described()
        return Metric(
            self.metric.name or "points before rounding",
            "parts",
            digits=1 if self.metric.digits is None else self.metric.digits,
            short=self.metric.short or "parts",
        )

    def slot_entries(self, tag: str | None) -> tuple[str, ...]:
        """Return the entries of the slot whose cell has this tag; () where `[slots]` does not name that slot."""
        return self.slots.get(str(tag).partition(":")[2], ()) if self.slots else self.entries

    def slot_stages(self, tag: str | None) -> list[int]:
        """Return the stages, from 0, whose processes run the slot whose cell has this tag."""
        entries = set(self.slot_entries(tag))
        return [number for number, stage in enumerate(self.stages) if entries & set(stage.entries)]

    @model_validator(mode="after")
    def _entries_fit(self) -> Spec:
        check_fields_of_kind(
            self.kind, self.files, entries=self.entries, signature=self.signature, repeats=self.repeats
        )
        names = [name for listed in self.methods.values() for name in listed]
        if wrong := sorted(set(self.methods) - set(self.entries)):
            raise ValueError(f"methods: {wrong[0]} is not an entry")
        if wrong := [name for name in names if not name.isidentifier() or name.startswith("_")]:
            raise ValueError(f"methods: {wrong[0]!r} is not the name of a public method")
        check_slots(self.slots, self.entries)
        staged = [name for stage in self.stages for name in stage.entries]
        if staged and sorted(staged) != sorted(self.entries):
            raise ValueError("stages: each of the entries belongs to exactly one stage")
        if len(self.stages) == 1:
            raise ValueError("stages: one stage is a task without stages; write at least two")
        if self.interactive != InteractiveTable() and self.kind != "interactive":
            raise ValueError('[interactive] needs kind = "interactive"')
        if self.item_default is not None and self.on_error != "item":
            raise ValueError('item_default needs on_error = "item"')
        return self


class Handout(StrictTable):
    """What students' copy of a task knows of the whole: `handout.json` beside its `task.toml`."""

    version: str
    """The task's version, with the hash of its sources."""
    run_digest: str
    """The hash of what decides predictions."""
    python: str
    """Version of the Python in which notebooks are graded."""
    data: str
    """Folder of the public data, seen from the notebook."""


class Builder(Protocol):
    """What a task's `data.py` offers. Each folder argument is a trust level; None means "not wanted".

    `public` goes to students, `inputs` to the trainer in a final evaluation, and `answers` (holding
    `answers.npz`, arrays named as in the trainer's predictions, or one array `labels` for all of them) never
    leaves the grader. Both functions return a manifest of plain JSON values.
    """

    def make_data(
        self,
        public: Path | None,
        inputs: Path | None,
        answers: Path | None,
        seed: int,
        source: str = ...,
        *,
        size: str = ...,
    ) -> dict[str, Any]:
        """Build the wanted folders; everything that is random comes from `seed`. `size` is "default" or one of `sizes`."""

    def rehearse(self, public: Path, inputs: Path, answers: Path, seed: int) -> dict[str, Any]:
        """Build `inputs` and `answers` from the public folder alone, for a student's own check."""


DEFAULT_SIZE = "default"
FINAL_SIZE = "final"  # of a task of files: the rows that only the final round counts
# Younger than digests that are on record, with their defaults as JSON: no part of the digest of a task without them.
_YOUNGER_FIELDS: dict[str, Any] = {
    "kind": "function",
    "files": None,
    "on_error": "end",
    "item_default": None,
    "methods": {},
    "slots": {},
    "stages": [],
    "interactive": InteractiveTable().model_dump(),
    "program": program_table.ProgramTable().model_dump(mode="json"),
}
HANDOUT_FILE, HANDOUT_STARTER = "handout.json", "starter.ipynb"


@dataclass(frozen=True)
class Task:
    """One task folder and what was read from it; `handout` is None unless it is students' copy, without secrets."""

    id: str
    folder: Path
    spec: Spec
    handout: Handout | None = None

    @property
    def is_installed(self) -> bool:
        """Whether it was installed with the program: nothing is ever written into its folder, or beside that."""
        return self.folder.parent == bundled_tasks()

    @property
    def starter(self) -> Path:
        """The generated notebook with the empty slot; submissions are rebuilt from it."""
        if self.handout:
            return self.folder / HANDOUT_STARTER
        return self.folder.parent.parent / "starter_notebooks" / f"{self.id}.ipynb"

    @property
    def solution(self) -> Path:
        """The generated notebook with the reference solution."""
        return self.folder.parent.parent / "solutions" / f"{self.id}.ipynb"

    def read_ahead(self) -> None:
        """Read what results take from the task's folder, for a process that will not have it."""
        _ = self.version, self.run_digest, self.metric

    def size(self, name: str) -> Size:
        """Return the setting called `name`: "default", or one of task.toml's `sizes`.

        Raises UsageError where there is none.
        """
        if name == DEFAULT_SIZE:
            return Size(source=self.spec.data.source, wall_seconds=self.spec.limits.wall_seconds)
        if name not in self.spec.sizes:
            known = [DEFAULT_SIZE, *self.spec.sizes]
            raise UsageError(f"{self.id} has no size {name!r}; {instead(name, known)}")
        return self.spec.sizes[name]

    @cached_property
    def mounts(self) -> tuple[Path, ...]:
        """The folders that the student's program may read; raises UsageError where one cannot be mounted."""
        return program_table.mounted_folders(self.folder, self.spec.program.mounts)

    @cached_property
    def version(self) -> str:
        """The author's version and a hash of what decides a score, so that no change goes unseen."""
        if self.handout:
            return self.handout.version
        digest = hashlib.sha256((self.folder / "task.toml").read_bytes())
        for source in (notebook_source(self.folder), data_source(self.folder)):
            digest.update(source.encode())
        digest.update(self.score_source.encode())
        for part in program_table.contents(self.mounts):
            digest.update(part)
        return f"{self.spec.version}+{digest.hexdigest()[:8]}"

    @cached_property
    def score_source(self) -> str:
        """The text of the task's score.py, "" where it measures by name.

        Raises UsageError where the file cannot be read.
        """
        return _text_of(self.folder / SCORE_FILE) if self.spec.metric.scorer == SCORE_FILE else ""

    @cached_property
    def metric(self) -> Metric:
        """What results record as measured; its scorer changes with score.py, and with what the parts measure."""
        measured = self.spec.measured
        parts = [measure.label for measure in self.spec.score.measures]
        name = ", ".join([measured.scorer, *sorted(parts)])
        mark = hashlib.sha256(self.score_source.encode()).hexdigest()[:12] if self.score_source else ""
        return replace(measured, scorer=f"{name} {mark}".strip())

    @cached_property
    def run_digest(self) -> str:
        """The hash of what decides predictions: as in `version`, but without texts and the score map."""
        if self.handout:
            return self.handout.run_digest
        texts = {"title", "story", "version", "signature", "leaderboard", "class_names"}
        texts |= {"schema_version", "metric", "score", "lint"}  # points follow from predictions
        settings = self.spec.model_dump(mode="json", exclude=texts)
        settings["limits"] = self.spec.limits.for_digest()
        for name, default in _YOUNGER_FIELDS.items():
            if settings[name] == default:
                del settings[name]
        settings_text = json.dumps(settings, separators=(",", ":"), ensure_ascii=False)
        digest = hashlib.sha256(settings_text.encode())
        for source in (notebook_source(self.folder), data_source(self.folder)):
            digest.update(source.encode())
        for part in program_table.contents(self.mounts):
            digest.update(part)
        return digest.hexdigest()

    def builder(self) -> Builder:
        """Load the task's `data.py` with its parts; that of students' copy refuses to make data.

        Raises UsageError where it cannot be imported.
        """
        path = self.folder / "data.py"
        module = ModuleType(f"grader_task_{self.id}_data")
        try:
            # As in a notebook: without this file's own `from __future__`.
            code = compile(data_source(self.folder), str(path), "exec", dont_inherit=True)
            exec(code, vars(module))  # noqa: S102 -- the author's code
        except Exception as error:
            raise UsageError(f"{path} cannot be imported: {type(error).__name__}: {error}") from error
        if self.handout:
            vars(module)["make_data"] = partial(_make_nothing, self.folder)
        return cast("Builder", module)


def _make_nothing(folder: Path, *_: Any, **__: Any) -> dict[str, Any]:
    raise UsageError(
        f"{folder} is students' copy of the task, for `grader check`; only the author's folder makes data"
    )


def tasks_folder() -> Path:
    """Return the folder of tasks that come with the program: in this package, or in a clone beside it."""
    return bundled_tasks() if bundled_tasks().is_dir() else _PACKAGE.parent / "tasks"


def bundled_tasks() -> Path:
    """Return where the tasks are that were installed with the program; nothing is ever written there."""
    return _PACKAGE / "bundled" / "tasks"


def task_folders() -> tuple[Path, ...]:
    """Return the folders of tasks in the order in which a name is looked up: `tasks` here, then what came with the program."""
    return Path("tasks").resolve(), tasks_folder()


def discover(*folders: Path) -> list[Task]:
    """Return every task of `folders` (default: `task_folders()`), by id; of those with the same id the first.

    Raises UsageError where a `task.toml` is wrong.
    """
    paths = _paths(folders or task_folders())
    return [read_task(paths[name]) for name in sorted(paths)]


def load_task(name: str, *folders: Path) -> Task:
    """Return the task called `name`: an id in one of `folders` (default: `task_folders()`), or the path of a task folder.

    Raises UsageError where there is none, with the nearest name.
    """
    if {"/", os.sep} & set(name) and (Path(name) / "task.toml").is_file():
        return read_task(Path(name).resolve())
    paths = _paths(folders or task_folders())
    if name in paths:
        return read_task(paths[name])
    raise UsageError(f"there is no task {name!r}; {instead(name, sorted(paths))}")


def _paths(folders: Sequence[Path]) -> dict[str, Path]:
    """Return the task folders by id; an earlier one of `folders` wins."""
    return {
        path.parent.name: path.parent for folder in reversed(folders) for path in folder.glob("*/task.toml")
    }


def read_task(folder: Path) -> Task:
    """Read one task folder.

    Raises UsageError where its `task.toml`, or the `handout.json` of students' copy, is missing or wrong.
    """
    path = folder / "task.toml"
    text = _text_of(path)
    with _reporting_wrong_values(path):
        spec = Spec.model_validate(tomllib.loads(text))
    note = folder / HANDOUT_FILE
    if not note.is_file():
        return Task(id=folder.name, folder=folder, spec=spec)
    text = _text_of(note)
    with _reporting_wrong_values(note):
        return Task(id=folder.name, folder=folder, spec=spec, handout=Handout.model_validate_json(text))


def _text_of(path: Path) -> str:
    with reporting_os_errors(READ, path):
        return path.read_text(encoding="utf-8")


@contextmanager
def _reporting_wrong_values(path: Path) -> Iterator[None]:
    try:
        yield
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{path}: {field or 'spec'}: {first['msg']}") from error
