"""The rules of a contest as its organisers write them: `contest.toml`."""

from __future__ import annotations

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from grader.contest.provider_rules import LtiPlatform, OidcProvider
from grader.errors import UsageError, instead
from grader.files import READ, reporting_os_errors
from grader.gradebook.late import LateRule

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_GROUP = ""


class _Rules(BaseModel):
    """A table of `contest.toml`; what stands below a field describes it."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ContestTask(_Rules):
    """A task of the contest."""

    name: str = Field(min_length=1)
    """A task's name, or its folder, seen from `contest.toml`."""
    worth: float = Field(default=100, gt=0)
    """Points of the contest that 100 points of the task are worth."""
    max_mb: float = Field(default=20, gt=0)
    """MB that a file may have."""

    @property
    def id(self) -> str:
        """The task's id: the name of its folder."""
        return Path(self.name).name


class ContestGroup(_Rules):
    """People who have the same timetable, such as a country or a section of the roster."""

    zone: str
    """Time zone in which these people read the windows, such as "Europe/Warsaw"."""

    @field_validator("zone")
    @classmethod
    def _known(cls, zone: str) -> str:
        return _checked_zone(zone)


class Window(_Rules):
    """When whom may hand in what. A time without an offset is in the zone of each group."""

    opens: datetime
    """From then on tasks are shown and files are taken."""
    closes: datetime
    """The last byte of a file has to arrive before then."""
    groups: tuple[str, ...] = ()
    """Whom it is for; nobody named: everybody."""
    tasks: tuple[str, ...] = ()
    """Ids of the tasks it is for; none named: all."""


class AttemptRules(_Rules):
    """How often a team may hand in a task. Failures of the grader, replaced and cancelled attempts never count."""

    scored: int | None = Field(default=None, ge=1)
    """Attempts with a score; not stated: as many as they like."""
    failing: int | None = Field(default=None, ge=1)
    """Attempts without a score, because the code failed."""
    counts: Literal["latest", "best", "chosen"] = "best"
    """Which attempt counts; "chosen": the one that the team chose, or the best as long as they chose none."""


class CoolDown(_Rules):
    """How fast a team may hand in one task: a token bucket."""

    minutes: float = Field(default=1, ge=0)
    """Minutes after which one more attempt is allowed."""
    burst: int = Field(default=3, ge=1)
    """Attempts that are allowed at once to somebody who waited long enough."""


class Lateness(_Rules):
    """What becomes of files that arrive after a window closed."""

    policy: str = "refuse"
    """refuse, count, mark, zero, or a loss for each day begun such as -10%/day."""
    until_hours: float = Field(default=24, gt=0)
    """Hours after the close beyond which nothing is taken."""

    @field_validator("policy")
    @classmethod
    def _known(cls, policy: str) -> str:
        if policy != "refuse":
            try:
                LateRule.parse("2026-01-01T00:00+00:00", policy)
            except UsageError as error:
                raise ValueError(f"{policy!r}: write refuse, count, mark, zero or -N%/day") from error
        return policy


class BoardRules(_Rules):
    """What the leaderboard shows while the contest runs."""

    freeze: datetime | None = None
    """From then on it stays as it was, until the contest is closed; without an offset in `zone`."""
    round_to: int = Field(default=1, ge=1, le=50)
    """Points are rounded down to multiples of this."""
    beyond_noise: bool = False
    """Show a new best attempt only if it is better by more than noise."""

    def coarse(self, points: int) -> int:
        """Return points as the leaderboard shows them."""
        return points // self.round_to * self.round_to


class ContestSpec(_Rules):
    """The contents of `contest.toml`."""

    title: str = Field(min_length=1)
    """Title of the contest, on every page."""
    zone: str = "UTC"
    """Time zone of times without an offset, for people without a group."""
    tasks: tuple[ContestTask, ...] = Field(min_length=1)
    """The tasks, in their order."""
    groups: dict[str, ContestGroup] = {}
    """Groups by name; somebody's group is the section of the roster."""
    windows: tuple[Window, ...] = Field(min_length=1)
    """When whom may hand in what."""
    attempts: AttemptRules = AttemptRules()
    cooldown: CoolDown = CoolDown()
    late: Lateness = Lateness()
    leaderboard: BoardRules = BoardRules()
    oidc: OidcProvider | None = None
    lti: tuple[LtiPlatform, ...] = ()

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        return _checked_zone(zone)

    @model_validator(mode="after")
    def _names_are_known(self) -> ContestSpec:
        ids = [task.id for task in self.tasks]
        if len(set(ids)) < len(ids):
            raise ValueError("tasks: two of them have the same name")
        for window in self.windows:
            for name in window.groups:
                if name not in self.groups:
                    raise ValueError(f"windows: no group {name!r}; {instead(name, self.groups)}")
            for name in window.tasks:
                if name not in ids:
                    raise ValueError(f"windows: no task {name!r}; {instead(name, ids)}")
            for group in window.groups or (*self.groups, DEFAULT_GROUP):
                if self.instant(window.opens, group) >= self.instant(window.closes, group):
                    raise ValueError(f"windows: opens {window.opens} is not before closes {window.closes}")
        if self.leaderboard.freeze:
            self.instant(self.leaderboard.freeze, DEFAULT_GROUP)
        return self

    def zone_of(self, group: str) -> ZoneInfo:
        """Return the time zone of a group; of one that is not named here, that of the contest."""
        return ZoneInfo(self.groups[group].zone if group in self.groups else self.zone)

    def instant(self, time: datetime, group: str) -> datetime:
        """Return a time of the file in UTC, read in the zone of a group where it has no offset.

        Raises ValueError for a time that this zone skips or has twice, because clocks change.
        """
        if time.tzinfo is not None:
            return time.astimezone(UTC)
        local = time.replace(tzinfo=self.zone_of(group))
        first, second = local.astimezone(UTC), local.replace(fold=1).astimezone(UTC)
        if first != second:
            problem = "twice" if first < second else "not at all"
            raise ValueError(
                f"{time} comes {problem} in {local.tzinfo}, because clocks change; write it with an offset such as +01:00"
            )
        return first

    def moment(self, text: str, group: str) -> datetime:
        """Return the time that somebody wrote, as `instant` reads it. Raises UsageError where it is none."""
        try:
            time = datetime.fromisoformat(text)
        except ValueError as error:
            raise UsageError(f"{text!r} is not a time; write it as 2026-11-30T14:30") from error
        try:
            return self.instant(time, group)
        except (ValueError, OverflowError) as error:
            raise UsageError(str(error)) from error

    def task(self, id_: str) -> ContestTask:
        """Return a task by its id. Raises UsageError where there is none."""
        for task in self.tasks:
            if task.id == id_:
                return task
        raise UsageError(f"the contest has no task {id_!r}; {instead(id_, [task.id for task in self.tasks])}")

    def windows_of(self, group: str, task: str) -> Sequence[Window]:
        """Return the windows of a group for a task, in the order of the file."""
        return [
            window
            for window in self.windows
            if (not window.groups or group in window.groups) and (not window.tasks or task in window.tasks)
        ]

    @property
    def late_hours(self) -> timedelta:
        """How long after the close files are taken."""
        return timedelta(0) if self.late.policy == "refuse" else timedelta(hours=self.late.until_hours)


def read_spec(path: Path) -> ContestSpec:
    """Return the rules in the file `path`. Raises UsageError where it is missing or wrong."""
    with reporting_os_errors(READ, path):
        text = path.read_text(encoding="utf-8")
    return parse_spec(text, path)


def parse_spec(text: str, path: Path | str) -> ContestSpec:
    """Return the rules in `text`, which is that of `path`. Raises UsageError where it is wrong."""
    try:
        return ContestSpec.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{path}: {field}: {message}" if field else f"{path}: {message}") from error


def _checked_zone(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"no time zone {zone!r}; write one such as Europe/Warsaw") from error
    return zone
