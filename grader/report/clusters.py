"""Group programs that are the same or alike, and lay each beside the earliest of its group."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from grader.report.similarity import alike, similarity
from grader.text import only_differences, side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from grader.report.programs import OwnedProgram
    from grader.text import Pair

MOST_CLUSTERS = 40  # of a task that are shown
MOST_DIFFERENCES = 20  # of a cluster that are shown


@dataclass(frozen=True)
class GroupMember:
    """Somebody's program in a cluster: its similarity to the earliest in percent, and the lines around what differs.

    `same` says that only comments and white space differ, if anything; then there are no lines.
    """

    program: OwnedProgram
    percent: int
    same: bool
    lines: list[Pair]


@dataclass(frozen=True)
class ProgramGroup:
    """Programs of several people that are alike, each with another of them; the earliest is the first member."""

    title: str
    anchor: str
    members: list[GroupMember]

    @property
    def names(self) -> list[str]:
        """Whose programs these are, the earliest first, with the place where one comes from elsewhere."""
        return [shown(member.program) for member in self.members]

    @property
    def of_files(self) -> bool:
        """Whether these are files of predictions, not programs: then they are the same ones."""
        return self.members[0].program.is_file

    @property
    def percent(self) -> int:
        """The similarity of the program that is least like the earliest."""
        return min(member.percent for member in self.members)


def clusters(programs: Sequence[OwnedProgram], starter_key: str, title: str, name: str) -> list[ProgramGroup]:
    """Return the groups of programs that are alike, the largest first; the untouched starter is in none of them.

    Two programs of one person are never compared. `name` begins the anchors, and `title` is shown.
    """
    kept = [program for program in programs if program.key != starter_key]
    sources = {program.key: program.source for program in kept if not program.is_file}
    owners: dict[str, set[str]] = defaultdict(set)
    for program in kept:
        owners[program.key].add(_person(program))
    groups = _components(owners, ((pair.left, pair.right) for pair in alike(sources, owners)))
    candidates = [[program for program in kept if program.key in group] for group in groups]
    several = [group for group in candidates if len({_person(program) for program in group}) > 1]
    members = sorted(
        (_members(group) for group in several), key=lambda group: (-len(group), shown(group[0].program))
    )
    return [
        ProgramGroup(title, f"{name}-{number}", group)
        for number, group in enumerate(members[:MOST_CLUSTERS], start=1)
    ]


def shown(program: OwnedProgram) -> str:
    """Return whose program it is, and where it comes from if that is elsewhere."""
    return f"{program.owner} in {program.origin}" if program.origin else program.owner


def _person(program: OwnedProgram) -> str:
    return f"{program.origin}\n{program.owner}"


def _components(keys: Iterable[str], links: Iterable[tuple[str, str]]) -> list[set[str]]:
    """Return the groups of keys that are linked, directly or through others."""
    group_of = {key: {key} for key in keys}
    for left, right in links:
        if group_of[left] is not group_of[right]:
            merged = group_of[left] | group_of[right]
            group_of.update(dict.fromkeys(merged, merged))
    return list({id(group): group for group in group_of.values()}.values())


def _members(programs: Sequence[OwnedProgram]) -> list[GroupMember]:
    """Return one member for each person, the earliest first: of several programs the one most like the earliest."""
    ordered = sorted(programs, key=lambda program: (program.sent, shown(program)))
    first = ordered[0]
    nearest: dict[str, tuple[float, OwnedProgram]] = {_person(first): (1.0, first)}
    for program in ordered:
        share = 1.0 if program.key == first.key else similarity(first.source, program.source)
        if _person(program) != _person(first) and share > nearest.get(_person(program), (-1.0, program))[0]:
            nearest[_person(program)] = (share, program)
    members: list[GroupMember] = []
    for share, program in nearest.values():
        same = program.key == first.key
        lines = [] if same or len(members) > MOST_DIFFERENCES else side_by_side(first.source, program.source)
        members.append(GroupMember(program, int(100 * share), same, only_differences(lines)))
    return members
