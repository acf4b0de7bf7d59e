"""Read a notebook file as raw JSON, strictly and without trust: every oddity becomes a fault with a sentence.

nbformat is not used here: its validation rewrites duplicate ids and its upgrade invents new ones, and both lose
what tells the slot from the other cells.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from grader.errors import StudentFault, Verdict
from grader.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

Json = dict[str, Any]

MAX_BYTES = 20 << 20
MAX_CELLS = 5_000
MAX_DEPTH = 100
MAX_CONTAINERS = 2_000_000
MAX_CODE_KB = 512  # a syntax tree takes 600 times its text; real notebooks have a tenth of this

_ZIP = b"PK\x03\x04"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_OTHER_KERNELS = {"ir", "julia", "xcpp", "javascript", "deno", "scala", "rust", "octave", "bash"}
_HEADING = re.compile(r"^ {0,3}#{1,6}[ \t]+([^\n]+)$", re.MULTILINE)  # linear: students choose the text
_VERSION = re.compile(r"[23]\.\d{1,3}(\.\w{1,12})?")
_FORM_TITLE = re.compile(r"#\s*@title\s+(.+)")
_MAX_HEADING = 60


def read_notebook(data: bytes) -> Json:
    """Return the notebook that `data` holds, as plain JSON values.

    What is returned has a list `cells` of dicts whose `source` is a text or a list of texts; nothing else of it
    is promised. Raises StudentFault (`invalid_notebook`) for everything that is not such a notebook.
    """
    notebook = _parse(_decode(data))
    if not isinstance(notebook, dict):
        raise _invalid("The file is JSON, but not a notebook.")
    if isinstance(notebook.get("worksheets"), list):
        raise _invalid(
            "The notebook has an old format. Open it in Jupyter, save it again and hand in that file."
        )
    cells = notebook.get("cells")
    if notebook.get("nbformat") != 4 or not isinstance(cells, list):
        raise _invalid("The file is JSON, but not a notebook of format 4 with a list of cells.")
    if len(cells) > MAX_CELLS:
        raise _invalid(f"The notebook has {len(cells)} cells; at most {MAX_CELLS} are allowed.")
    for number, cell in enumerate(cells, start=1):
        if not isinstance(cell, dict) or not _is_source(cell.get("source", "")):
            raise _invalid(f"Cell {number} of the notebook is damaged.")
    code_kb = sum(len(source(cell)) for cell in cells if is_code(cell)) >> 10
    if code_kb > MAX_CODE_KB:
        raise _invalid(f"The code cells hold {code_kb} KB of text; at most {MAX_CODE_KB} KB are allowed.")
    _check_language(notebook)
    return notebook


def too_large(size: int) -> StudentFault:
    """Return the fault of a file of `size` bytes, which is more than `MAX_BYTES`."""
    return _invalid(
        f"The file has {size / (1 << 20):.1f} MB; a notebook may have at most {MAX_BYTES >> 20} MB. "
        "Clear its outputs, save it and hand it in again."
    )


def source(cell: Json) -> str:
    r"""Return a cell's text with line ends as `\n`; half a surrogate pair becomes a question mark."""
    raw = cell.get("source", "")
    text = raw if isinstance(raw, str) else "".join(raw)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.encode("utf-8", "replace").decode("utf-8")


def is_code(cell: Json) -> bool:
    """Return whether the cell is a code cell."""
    return cell.get("cell_type") == "code"


def metadata(cell_or_notebook: Json) -> Json:
    """Return the metadata, or an empty dict where there is none that can be used."""
    return _dict(cell_or_notebook.get("metadata"))


def grader_metadata(cell_or_notebook: Json) -> Json:
    """Return what `grader build` wrote into the metadata, or an empty dict."""
    return _dict(metadata(cell_or_notebook).get("grader"))


def python_version(notebook: Json) -> str:
    """Return the version of Python that a notebook says it ran, such as "3.12.4"; "" where it says none."""
    version = _dict(metadata(notebook).get("language_info")).get("version")
    return version if isinstance(version, str) and _VERSION.fullmatch(version) else ""


def tags(cell: Json) -> list[Any]:
    """Return the cell's tags."""
    values = metadata(cell).get("tags")
    return values if isinstance(values, list) else []


def tagged(notebook: Json, tag: str) -> list[Json]:
    """Return the cells that carry `tag`, in order."""
    return [cell for cell in notebook["cells"] if tag in tags(cell)]


def labels(notebook: Json) -> list[str]:
    """Return one name per cell for messages: the heading above it and its number, counted from 1."""
    names, heading = [], ""
    for number, cell in enumerate(notebook["cells"], start=1):
        text = source(cell)
        if cell.get("cell_type") == "markdown":
            headings = _HEADING.findall(text)
            heading = headings[-1].rstrip(" \t#") if headings else heading
        form = _FORM_TITLE.match(text) if is_code(cell) else None
        title = _short(form[1] if form else heading)
        names.append(f"{title} (cell {number})" if title else f"cell {number}")
    return names


def _decode(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise too_large(len(data))
    if not data.strip():
        raise _invalid("The file is empty.")
    if data.startswith(_ZIP):
        raise _invalid("The file is a zip archive, not a notebook. Unpack it and hand in the .ipynb file.")
    if data.startswith(_UTF16):
        raise _invalid(
            "The file is saved as UTF-16. Open it in Jupyter, save it again and hand in that file."
        )
    if b"\0" in data:
        raise _invalid("The file contains NUL bytes: it is damaged, or not a notebook.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _invalid(f"The file is not UTF-8 text (byte {error.start}).") from error


def _parse(text: str) -> Any:
    if text.count("{") + text.count("[") > MAX_CONTAINERS:
        raise _invalid("The file is far more complex than a notebook.")
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise _invalid(f"The file is not JSON: {error.msg} in line {error.lineno}.") from error
    except ValueError as error:  # an integer of thousands of digits
        raise _invalid("The file holds a number that is too long for a notebook.") from error
    except RecursionError as error:
        raise _invalid("The file is nested more deeply than a notebook.") from error
    _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    # Level by level: the depth at which json itself gives up differs between versions of Python.
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for item in level for child in _children(item) if isinstance(child, (dict, list))]
        if not level:
            return
    raise _invalid("The file is nested more deeply than a notebook.")


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _is_source(value: Any) -> bool:
    return isinstance(value, str) or (
        isinstance(value, list) and all(isinstance(line, str) for line in value)
    )


def _check_language(notebook: Json) -> None:
    """Refuse another language; a notebook that names none passes, as Colab's often do."""
    about = metadata(notebook)
    kernel, language = (_dict(about.get(key)) for key in ("kernelspec", "language_info"))
    named = [name for name in (language.get("name"), kernel.get("language")) if isinstance(name, str)]
    name = kernel.get("name")
    if not named and isinstance(name, str) and re.split(r"[-\d]", name.lower())[0] in _OTHER_KERNELS:
        named = [name]
    if named and not any(name.lower().startswith(("python", "ipython")) for name in named):
        raise _invalid(f"The notebook is written for {_short(named[0])}, not for Python.")


def _short(text: str) -> str:
    clean = printable(text, " ").strip()
    return clean if len(clean) <= _MAX_HEADING else clean[: _MAX_HEADING - 3] + "..."


def _invalid(message: str) -> StudentFault:
    return StudentFault(Verdict.INVALID_NOTEBOOK, message)
