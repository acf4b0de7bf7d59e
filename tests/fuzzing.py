"""What the fuzz tests share: damage to trees of JSON and to bytes, how much of it, and where a crash is kept."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from hypothesis.strategies import DrawFn, SearchStrategy

    Place = tuple[Any, Any]  # a list or dict, and a key of it

CRASHES = Path(__file__).parent / "fuzz" / "crashes"

NASTY = [
    "",
    "\0",
    "\ud800",
    "\udfff\ud83d",
    "\N{GRINNING FACE}",
    "\u202e\u2066abc\u2069",
    "\x1b[2J\x07",
    "\r",
    "\r\n\r",
    "\u2028\x85\x0b\x0c",
    "\ufeff",
    "\\",
    '"',
    "#@title <script>alert(1)</script>\n",
    "%%bash\nls\n",
    "!ls\n",
    "?",
    "{{ x }} ${x} %s",
    "=1+1",
    "../../x",
    "'\\N{DIGIT ONE}' '\\d' f'{x!r:{y}}'",
]
LONG = [("#", 5_000), (" ", 5_000), ("x", 70_000), ("(", 300), ("9", 5_000)]
numbers = st.integers() | st.floats() | st.sampled_from([-1, 2**31, 2**62, 2**63, 2**64, 10**400, -0.0])
texts = (
    st.text(max_size=20)
    | st.sampled_from(NASTY)
    | st.sampled_from(LONG).map(lambda piece: f"# a{piece[0] * piece[1]}")
)
json_values: SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=8,
)


def examples(factor: float) -> settings:
    """Return settings for `factor` times as many examples as the profile has: "quick", or "hour" for `make fuzz`."""
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    return settings(max_examples=round(settings().max_examples * factor), suppress_health_check=slow)


@contextlib.contextmanager
def kept(data: bytes, suffix: str) -> Iterator[None]:
    """Keep the bytes of an example in `crashes/found<suffix>` unless all goes well; only `make fuzz` does.

    They are written before they are tried: a crash of Python itself leaves them, too. The last example that
    hypothesis tries is the smallest one that fails.
    """
    if settings().derandomize:  # in continuous integration, where the next run finds the same
        yield
        return
    file = CRASHES / f"found{suffix}"
    file.write_bytes(data)
    yield
    file.unlink()


# -- trees of JSON -----------------------------------------------------------------------------------------------


@st.composite
def damaged(draw: DrawFn, tree: Any, words: Sequence[Any]) -> Any:
    """Return a copy of a tree of JSON with one to five things changed at any depth; `words` mean something there."""
    holder = [copied(tree)]  # so that the whole tree is a node like any other
    new = json_values | st.sampled_from(words).map(copied)
    for _ in range(draw(st.integers(1, 5))):
        change = draw(st.sampled_from(_CHANGES))
        change(draw, holder, new)
        if not holder:
            return draw(new)
    return holder[0]


def copied(tree: Any) -> Any:
    """Return a copy of a tree of JSON, which may be changed: what a strategy gives may be given again."""
    return json.loads(json.dumps(tree))  # copy.deepcopy gives up at a depth that matters here


def _place(draw: DrawFn, root: list[Any]) -> Place:
    """Go down from the root, by containers rather than by leaves, and stop somewhere, seldom near the top."""
    holder: Any = root
    key: Any = 0
    level = 0
    while holder[key] and isinstance(holder[key], (dict, list)):
        if draw(st.integers(0, 5 if level > 2 else 40)) == 3:
            break
        level += 1
        holder = holder[key]
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        inner = [one for one in keys if isinstance(holder[one], (dict, list))]
        key = draw(st.sampled_from(inner * (2 if level > 1 else 15) + keys))
    return holder, key


def _put(draw: DrawFn, root: list[Any], value: Any, new: SearchStrategy[Any]) -> None:
    """Put `value` beside some other node."""
    holder, key = _place(draw, root)
    if isinstance(holder, list):
        holder.insert(key + draw(st.integers(0, 1)), value)
    else:
        holder[_key(draw, new)] = value


def _key(draw: DrawFn, new: SearchStrategy[Any]) -> str:
    value = draw(new)
    return value if isinstance(value, str) else json.dumps(value)


def _replace(draw: DrawFn, root: list[Any], new: SearchStrategy[Any]) -> None:
    holder, key = _place(draw, root)
    holder[key] = draw(new)


def _delete(draw: DrawFn, root: list[Any], new: SearchStrategy[Any]) -> None:
    del new
    holder, key = _place(draw, root)
    del holder[key]


def _add(draw: DrawFn, root: list[Any], new: SearchStrategy[Any]) -> None:
    _put(draw, root, draw(new), new)


def _duplicate(draw: DrawFn, root: list[Any], new: SearchStrategy[Any]) -> None:
    holder, key = _place(draw, root)
    _put(draw, root, copied(holder[key]), new)


def _move(draw: DrawFn, root: list[Any], new: SearchStrategy[Any]) -> None:
    holder, key = _place(draw, root)
    value = holder[key]
    holder[key] = None
    _put(draw, root, value, new)


def _swap(draw: DrawFn, root: list[Any], new: SearchStrategy[Any]) -> None:
    del new
    (one, here), (other, there) = _place(draw, root), _place(draw, root)
    # Copies: one may be inside the other.
    one[here], other[there] = copied(other[there]), copied(one[here])


def _repeat(draw: DrawFn, root: list[Any], new: SearchStrategy[Any]) -> None:
    del new
    holder, key = _place(draw, root)
    count = draw(st.sampled_from([2, 30, 6_000]))
    if isinstance(holder, list) and len(json.dumps(holder[key])) * count < 300_000:
        holder[key:key] = [holder[key]] * count


def _rename(draw: DrawFn, root: list[Any], new: SearchStrategy[Any]) -> None:
    holder, key = _place(draw, root)
    if isinstance(holder, dict):
        holder[_key(draw, new)] = holder.pop(key)
    else:
        holder.reverse()


def _retype(draw: DrawFn, root: list[Any], new: SearchStrategy[Any]) -> None:
    holder, key = _place(draw, root)
    kinds: list[Callable[[Any], Any]] = [
        str,
        bool,
        json.dumps,
        lambda value: [value],
        lambda value: [[value]],
    ]
    kind = draw(st.sampled_from([*kinds, lambda value: {_key(draw, new): value}]))
    holder[key] = kind(holder[key])


def _nest(draw: DrawFn, root: list[Any], new: SearchStrategy[Any]) -> None:
    del new
    holder, key = _place(draw, root)
    for _ in range(draw(st.sampled_from([2, 30, 97, 120]))):
        holder[key] = [holder[key]]


def _edit(draw: DrawFn, root: list[Any], new: SearchStrategy[Any]) -> None:
    """Change a text in the middle."""
    holder, key = _place(draw, root)
    text = holder[key]
    if not isinstance(text, str):
        text = _key(draw, new)
    start = draw(st.integers(0, len(text)))
    stop = draw(st.integers(start, min(len(text), start + 10)))
    holder[key] = text[:start] + _key(draw, new) + text[stop:]


_CHANGES: list[Callable[[DrawFn, list[Any], SearchStrategy[Any]], None]] = [
    _replace,
    _delete,
    _add,
    _duplicate,
    _move,
    _swap,
    _repeat,
    _rename,
    _retype,
    _nest,
    _edit,
]


# -- texts and bytes ---------------------------------------------------------------------------------------------

ENCODINGS = ["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-7", "latin-1", "cp037"]
LITERALS = ["NaN", "-Infinity", "1e999", "9" * 5_000, "01", "'x'", "[" * 3_000, "{" * 3_000, '"\\ud800"', ""]


@st.composite
def written(draw: DrawFn, tree: Any, words: Sequence[Any]) -> bytes:
    """Return a tree of JSON as bytes: with keys twice, literals that are no JSON, and in other encodings."""
    text = json.dumps(tree, ensure_ascii=draw(st.booleans()))
    damage = draw(st.integers(0, 15))
    if damage == 1:
        mark = draw(st.sampled_from(["{", "[", ":", ",", "null", '"', "}"]))
        at = text.find(mark, draw(st.integers(0, len(text)))) + len(mark)  # 0 or so where there is none
        literal = draw(st.sampled_from(LITERALS))
        key = json.dumps(_key(draw, st.sampled_from(words)))
        text = text[:at] + (f"{key}: {literal or '[]'}, " if mark == "{" else literal) + text[at:]
    if damage == 2:
        return text.encode(draw(st.sampled_from(ENCODINGS)), "replace")
    data = text.encode("utf-8", "surrogatepass")
    return draw(spliced(data)) if damage == 3 else data


@st.composite
def spliced(draw: DrawFn, data: bytes) -> bytes:
    """Return bytes of which one to three pieces are cut out, overwritten, repeated or turned."""
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        stop = draw(st.integers(start, min(len(data), start + 400)))
        old, bit = data[start:stop], draw(st.integers(0, 7))
        turned = bytes(byte ^ 1 << bit for byte in old[:1]) + old[1:]
        piece = draw(st.binary(max_size=20) | st.sampled_from([b"", turned, old[::-1], old * 2]))
        data = data[:start] + piece + data[stop:]
    return data[: draw(st.integers(0, len(data)))] if draw(st.integers(0, 9)) == 9 else data
