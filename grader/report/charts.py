"""Draw small charts as SVG that needs nothing else: colours come from the page's style, and every text is escaped.

A chart has a title and a description for those who do not see it. No drawing uses a `style` attribute, which the pages'
content security policy forbids.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, tostring

from grader.languages import IN_ENGLISH
from grader.text import visible

if TYPE_CHECKING:
    from collections.abc import Sequence

    from grader.gradebook.result import Metrics
    from grader.languages import Translator

WIDTH = 360  # of a chart; text in it is as large as on the page around it
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 10, 12, 34  # margins
_BINS = 10


@dataclass(frozen=True)
class Dot:
    """A point of a scatter plot: what lies across, points from 0 to 100, a text for it, and its kind (a CSS class)."""

    x: float
    y: float
    label: str
    kind: str = ""


@dataclass(frozen=True)
class Curve:
    """Values over the steps of a training, one line for each repeat: `lines[r]` has (step, value) pairs.

    Where `names` say what the lines are, they stand below the drawing.
    """

    name: str
    step: str  # what is counted across
    lines: Sequence[Sequence[tuple[float, float]]]
    names: Sequence[str] = ()

    def line_name(self, number: int, translate: Translator) -> str:
        """Return what a line is called."""
        return self.names[number] if self.names else translate("repeat {number}", number=number + 1)


def time_unit(seconds: float) -> tuple[float, str]:
    """Return the unit in which so many seconds are drawn: its own seconds, and its name."""
    return (3600.0, "hours") if seconds > 2 * 3600.0 else (60.0, "minutes")


def histogram(points: Sequence[int]) -> str:
    """Draw how many have how many points: ten bars, the last one with 100."""
    counts = [0] * _BINS
    for value in points:
        counts[min(value // 10, _BINS - 1)] += 1
    names = [f"{10 * index} to {10 * index + 9 + (index == _BINS - 1)}" for index in range(_BINS)]
    summary = "; ".join(f"{name}: {count}" for name, count in zip(names, counts, strict=True) if count)
    chart = _Chart(200, "Distribution of points", f"Students by points. {summary or 'Nobody yet'}.")
    chart.axes((0, 100), (0, _room(max(counts))), x_label="points", whole=True)
    for index, count in enumerate(counts):
        if count:
            left, right = chart.x(10 * index) + 1.5, chart.x(10 * index + 10) - 1.5
            bar = _add(chart.root, "rect", x=left, y=chart.y(count), width=right - left, height=chart.y(0) - chart.y(count), rx=2, cls="bar")  # fmt: skip
            _add(bar, "title", f"{names[index]} points: {count}")
            _add(
                chart.root, "text", str(count), x=(left + right) / 2, y=chart.y(count) - 4, cls="value middle"
            )
    return chart.svg()


def bars(title: str, counts: Sequence[tuple[str, int, str]]) -> str:
    """Draw a horizontal bar for each (name, count, kind)."""
    row, left = 26, 128
    summary = "; ".join(f"{name}: {count}" for name, count, _ in counts)
    root = _root(WIDTH, row * len(counts) + 8, title, f"{summary}.")
    scale = (WIDTH - left - 44) / max([count for _, count, _ in counts] or [1])
    for index, (name, count, kind) in enumerate(counts):
        middle = row * index + 17
        _add(root, "text", visible(name), x=left - 8, y=middle + 4, cls="label end")
        _add(
            root,
            "rect",
            x=left,
            y=middle - 7,
            width=max(count * scale, 2),
            height=14,
            rx=2,
            cls=f"bar {kind}",
        )
        _add(root, "text", str(count), x=left + max(count * scale, 2) + 6, y=middle + 4, cls="value")
    return _text(root)


def scatter(title: str, dots: Sequence[Dot], x_label: str, ends: tuple[str, str] | None = None) -> str:
    """Draw points over something; `ends` names the left and the right end where the numbers say nothing."""
    low, high = min(dot.x for dot in dots), max(dot.x for dot in dots)
    first, last = ends or (_rounded(low), _rounded(high))
    summary = f"{len(dots)} submissions, {x_label} from {first} to {last}"
    chart = _Chart(
        220, title, f"{summary}, points from {min(d.y for d in dots):g} to {max(d.y for d in dots):g}."
    )
    across = (low, high if high > low else low + 1) if ends else (0, high * 1.04 or 1)
    chart.axes(across, (0, 100), x_label=x_label, ends=ends)
    for dot in dots:
        mark = _add(chart.root, "circle", cx=chart.x(dot.x), cy=chart.y(dot.y), r=4, cls=f"dot {dot.kind}")
        _add(mark, "title", visible(dot.label))
    return chart.svg()


def score_map(
    floor: float, ceiling: float, metrics: Metrics, points: int, translate: Translator = IN_ENGLISH
) -> str:
    """Draw how a value becomes points: the line of the map, the repeats under it, and the mean on it."""
    repeats, mean, metric = metrics.per_repeat, metrics.value, metrics.metric
    margin, left, right = 0.15 * abs(ceiling - floor), min(floor, ceiling), max(floor, ceiling)
    low = min(left, max(left - margin, 0.0), *repeats, mean)
    high = max(right + margin, *repeats, mean)
    text = translate(
        "0 points at {floor}, 100 at {ceiling}. The mean of {number} repeats is {mean}: {points} points.",
        floor=f"{floor:g}", ceiling=f"{ceiling:g}", number=len(repeats), mean=metric.text(mean), points=points,
    )  # fmt: skip
    chart = _Chart(230, translate("How {metric} became points", metric=metric.name), text)
    room_above = 108  # for the words beside the dot
    chart.axes(
        (low, high),
        (0, room_above),
        x_label=visible(metric.name),
        ticks=[floor, (floor + ceiling) / 2, ceiling],
    )
    before, after = (0, 100) if floor < ceiling else (100, 0)
    corners = [(low, before), (left, before), (right, after), (high, after)]
    line = " ".join(f"{chart.x(x):.1f},{chart.y(y):.1f}" for x, y in corners)
    _add(chart.root, "polyline", points=line, cls="map")
    at, height = chart.x(mean), chart.y(points)
    _add(chart.root, "polyline", points=f"{at:.1f},{chart.y(0):.1f} {at:.1f},{height:.1f} {chart.x(low):.1f},{height:.1f}", cls="guide")  # fmt: skip
    for number, value in enumerate(repeats, start=1):
        mark = _add(chart.root, "line", x1=chart.x(value), x2=chart.x(value), y1=chart.y(0) - 7, y2=chart.y(0) + 1, cls="repeat")  # fmt: skip
        _add(mark, "title", f"{translate('repeat {number}', number=number)}: {metric.text(value)}")
    _add(chart.root, "circle", cx=at, cy=height, r=6, cls="mean")
    # Where the words cross no line: above the dot, to its left, or below the line on its right.
    if points < 12:
        position, style = (at + 6, height - 14), "value end strong"
    elif at > 0.6 * WIDTH:
        position, style = (at - 10, height - 8), "value end strong"
    else:
        position, style = (at + 12, height + 5), "value strong"
    caption = translate("{points} points", points=points)
    _add(chart.root, "text", caption, x=position[0], y=position[1], cls=style)
    return chart.svg()


def curve(drawn: Curve, translate: Translator = IN_ENGLISH) -> str:
    """Draw a series of a training, or over time: one line for each repeat, or for each name."""
    names = [drawn.line_name(number, translate) for number in range(len(drawn.lines))]
    pairs = [pair for line in drawn.lines for pair in line]
    values = [value for _, value in pairs]
    low, high = min(values), max(values)
    span = (high - low) or abs(high) or 1.0
    summary = "; ".join(
        translate(
            "{name}: {first} to {last}", name=name, first=f"{line[0][1]:.4g}", last=f"{line[-1][1]:.4g}"
        )
        for name, line in zip(names, drawn.lines, strict=True)
    )
    across = translate("over time") if drawn.names else translate("step by step")
    ends = translate("First and last value of each.")
    chart = _Chart(180, f"{visible(drawn.name)}, {across}", f"{ends} {summary}.")
    steps = [step for step, _ in pairs]
    chart.axes(
        (min(steps), max(steps)),
        (low - 0.08 * span, high + 0.08 * span),
        x_label=visible(drawn.step),
    )
    for number, line in enumerate(drawn.lines):
        path = " ".join(f"{chart.x(x):.1f},{chart.y(y):.1f}" for x, y in line)
        line_drawn = _add(chart.root, "polyline", points=path, cls=f"curve curve-{number % 4}")
        _add(line_drawn, "title", visible(names[number]))
        _add(chart.root, "circle", cx=chart.x(line[-1][0]), cy=chart.y(line[-1][1]), r=3, cls=f"end-of-curve curve-{number % 4}")  # fmt: skip
    if drawn.names:
        chart.legend(drawn.names)
    return chart.svg()


def whisker(mean: float, spread: float, low: float, high: float) -> str:
    """Draw a mean and its spread on the scale from `low` to `high`, as small as a word; the numbers stand beside it."""
    width, span = 84, (high - low) or 1.0

    def at(value: float) -> float:
        return 4 + (width - 8) * min(max((value - low) / span, 0.0), 1.0)

    root = Element("svg", {"viewBox": f"0 0 {width} 12", "class": "whisker", "aria-hidden": "true"})
    _add(root, "line", x1=4, x2=width - 4, y1=6, y2=6, cls="scale")
    if spread:
        _add(root, "line", x1=at(mean - spread), x2=at(mean + spread), y1=6, y2=6, cls="spread")
    _add(root, "circle", cx=at(mean), cy=6, r=3, cls="mean")
    return _text(root)


def gauge(share: float) -> str:
    """Draw how much of a limit was used; the numbers stand beside it."""
    root = Element("svg", {"viewBox": "0 0 160 8", "class": "gauge", "aria-hidden": "true"})
    _add(root, "rect", x=0, y=0, width=160, height=8, rx=4, cls="scale")
    kind = "over" if share >= 1 else "much" if share > 0.8 else "some"
    _add(root, "rect", x=0, y=0, width=max(160 * min(share, 1.0), 4), height=8, rx=4, cls=f"used {kind}")
    return _text(root)


class _Chart:
    """A drawing with two axes; `x` and `y` turn values into positions."""

    def __init__(self, height: int, title: str, description: str) -> None:
        self.root = _root(WIDTH, height, title, description)
        self._height = height
        self._across, self._up = (0.0, 1.0), (0.0, 1.0)

    def axes(
        self,
        across: tuple[float, float],
        up: tuple[float, float],
        *,
        x_label: str,
        whole: bool = False,
        ticks: Sequence[float] | None = None,
        ends: tuple[str, str] | None = None,
    ) -> None:
        """Set the ranges, and draw lines and numbers for them."""
        self._across, self._up = across, up
        for value in _ticks(*up, count=4, whole=whole):
            _add(
                self.root, "line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=self.y(value), y2=self.y(value), cls="grid"
            )
            _add(self.root, "text", f"{value:g}", x=_LEFT - 6, y=self.y(value) + 4, cls="tick end")
        base = self._height - _BOTTOM
        _add(self.root, "line", x1=_LEFT, x2=WIDTH - _RIGHT, y1=base, y2=base, cls="axis")
        if ends:
            _add(self.root, "text", ends[0], x=_LEFT, y=base + 14, cls="tick")
            _add(self.root, "text", ends[1], x=WIDTH - _RIGHT, y=base + 14, cls="tick end")
        else:
            for value in ticks or _ticks(*across, count=5):
                _add(self.root, "text", _rounded(value), x=self.x(value), y=base + 14, cls="tick middle")
        _add(
            self.root, "text", x_label, x=(_LEFT + WIDTH - _RIGHT) / 2, y=self._height - 5, cls="label middle"
        )

    def x(self, value: float) -> float:
        """Return the position of a value across."""
        low, high = self._across
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * (value - low) / ((high - low) or 1.0)

    def y(self, value: float) -> float:
        """Return the position of a value upwards."""
        low, high = self._up
        room = self._height - _TOP - _BOTTOM
        return _TOP + room * (1 - (value - low) / ((high - low) or 1.0))

    def legend(self, names: Sequence[str]) -> None:
        """Name the lines, each beside a piece of it, in rows below the drawing."""
        for number, name in enumerate(names):
            y = self._height + 12 + 18 * number
            piece = f"{_LEFT},{y - 4} {_LEFT + 22},{y - 4}"
            _add(self.root, "polyline", points=piece, cls=f"curve curve-{number % 4}")
            _add(self.root, "text", visible(name), x=_LEFT + 30, y=y, cls="value")
        self.root.set("viewBox", f"0 0 {WIDTH} {self._height + 18 * len(names)}")

    def svg(self) -> str:
        """Return the drawing."""
        return _text(self.root)


def _rounded(value: float) -> str:
    """Return a number to three digits, a large one to whole numbers: nobody reads 1.2e+03."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def _ticks(low: float, high: float, count: int, *, whole: bool = False) -> list[float]:
    """Return round numbers from `low` to `high`, about `count` of them."""
    raw = max((high - low) / count, 1e-9)
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= raw * 0.999)
    step = max(step, 1.0) if whole else step
    first = math.ceil(low / step - 1e-9)
    return [round(index * step, 10) for index in range(first, math.floor(high / step + 1e-9) + 1)]


def _room(count: int) -> float:
    return count * 1.12 or 1.0  # a number stands above each bar


def _root(width: int, height: int, title: str, description: str) -> Element:
    root = Element("svg", {"viewBox": f"0 0 {width} {height}", "role": "img", "class": "chart"})
    root.set("aria-label", f"{title}. {description}")
    return root


def _add(parent: Element, tag: str, text: str = "", *, cls: str = "", **values: float | str) -> Element:
    attributes = {
        name: f"{value:.1f}" if isinstance(value, float) else str(value) for name, value in values.items()
    }
    child = SubElement(parent, tag, {**attributes, **({"class": cls.strip()} if cls.strip() else {})})
    child.text = text or None
    return child


def _text(root: Element) -> str:
    return tostring(root, encoding="unicode", short_empty_elements=False)
