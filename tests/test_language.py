"""What people read keeps one vocabulary and short sentences: pages, messages, help, notebooks' markdown, docstrings."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    page
    for pattern in ("*.md", "docs/*.md", "tasks/*/README.md", "grader/**/*.md")
    for page in ROOT.glob(pattern)
)
SOURCES = sorted(path for path in (ROOT / "grader").rglob("*.py") if "templates" not in path.parts)
TEMPLATES = sorted((ROOT / "grader").rglob("*.html"))
NOTEBOOKS = sorted(
    path
    for folder in ("starter_notebooks", "solutions")
    for path in (ROOT / folder).iterdir()
    if len(path.suffixes) == 1  # those in other languages have rules of their own
)
MOST_WORDS = 20  # a sentence, on average over a page
SPELLED_OUT = {"docs/bands.md", "docs/configuration.md"}  # generated: tables with a few sentences


@dataclass(frozen=True)
class Rule:
    """A phrase that nobody should read, as a regular expression; what to write instead; a text that breaks the rule."""

    phrase: str
    instead: str
    planted: str


RULES = [
    Rule(r"graphics cards?|\bcards?\b", "GPU", "the graphics card's memory"),
    Rule(r"\bwarm parent", "fork server", "the warm parent ended"),
    Rule(r"\bremark(s|ed|ing)?\b", "diagnostics, problems", "nothing to remark on"),
    Rule(r"\boverview\b", "standings, leaderboard", "an overview of the class"),
    Rule(r"\b(the|a|public|your own) board\b", "leaderboard", "on the public board"),
    Rule(r"\bnot for sure\b", "missing, ambiguous", "not in the worksheet, or not for sure"),
    Rule(r"\bdid not do\b", "failed", "the memory did not do"),
    Rule(r"\b(leav(e|es|ing)|left) out\b", "skip, omit, optional", "May be left out."),
    Rule(r"\bshall\b", "should, will", "where points shall be comparable"),
    Rule(r"\bnothing to do, if\b", "no action needed", "nothing to do, if you know"),
    Rule(r"\b(is|are) no (zero|promise|notebook|warning|part)\b", "a positive statement", "it is no zero"),
    Rule(r"\bcan be had\b", "are public, are available", "data can be had by everybody"),
    Rule(r"\b(is|are|was) to (be|read)\b", "should, will, or the active voice", "the diff is to be read"),
    Rule(r"\bwhat (is|was) recorded\b", "results", "what is recorded stays"),
    Rule(r"\bhave other points\b", "changed", "2 results have other points now"),
    Rule(r"\b(can|could|cannot) be told (apart|from)\b", "within noise, differ", "ranks that cannot be told apart"),
    Rule(r"\bturn(s|ed)? (you|the two|them) around\b", "reverse", "other seeds might turn you around"),
    Rule(r"\bbeyond, it stays\b", "clipped", "beyond, it stays there"),
    Rule(r"\bof equals\b", "ties", "of equals the first"),
    Rule(r", for (it|they|he|whoever|the grader) ", "because", "left blank, for the grader failed"),
    Rule(r"; (?-i:[a-z\d])[^.;|'$&<>()\n]*; (?-i:[a-z\d])", "several sentences", "this is one; then a second; and a third"),
]  # fmt: skip
NOT_FIRST = {"Say", "Says", "Tell", "Tells", "Give", "Gives"}  # of a docstring: Return, Read, Build


def prose_of_page(path: Path) -> list[str]:
    """Return the paragraphs of a page of Markdown; code and links' targets are names, not prose."""
    return _paragraphs(path.read_text(encoding="utf-8"))


def _paragraphs(text: str) -> list[str]:
    text = re.sub(r"^```.*?^```|<!--.*?-->|\$\$.*?\$\$", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"\]\([^)]*\)|^\[\w+\]: .*$", "]", text, flags=re.MULTILINE)
    blocks = re.split(r"\n\s*\n|\n(?=[-*|#] ?)|\n(?=\d+\. )", text)
    return [" ".join(_without_code(block).split()) for block in blocks if block.strip()]


def _without_code(text: str) -> str:
    return re.sub(r"`[^`]*`", "CODE", text)


def prose_of_notebook(path: Path) -> list[str]:
    """Return the paragraphs of a notebook's cells of Markdown."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [
        text
        for cell in cells
        if cell["cell_type"] == "markdown"
        for text in _paragraphs("".join(cell["source"]))
    ]


def prose_of_template(path: Path) -> list[str]:
    """Return the texts of a page's template, without its tags, styles, scripts and placeholders."""
    text = re.sub(r"<(style|script)\b.*?</\1>", " ", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    text = re.sub(r"\{[%#].*?[%#]\}|<[^>]+>", "\n\n", re.sub(r"\{\{.*?\}\}", "VALUE", text, flags=re.DOTALL))
    return _paragraphs(text)


def messages_of(path: Path) -> list[str]:
    """Return the sentences in the literals of a source, and its help: what a command prints is among them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documented = [
        node
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    docstrings = {ast.get_docstring(node, clean=False) for node in documented}
    texts = list(_literals(tree))
    if "cli" in path.parts:  # a command's docstring is its help
        texts += [docstring for node in documented[1:] if (docstring := ast.get_docstring(node))]
    sentences = [text for text in texts if " " in text.strip() and text not in docstrings]
    return [" ".join(_without_code(text).split()) for text in sentences]


def _literals(node: ast.AST) -> Iterator[str]:
    """Yield each string of a source whole: the parts of an f-string as one text."""
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else "VALUE" for part in node.values)
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from _literals(child)


def broken(texts: list[str]) -> list[str]:
    """Return a line for each text that breaks a rule."""
    return [
        f"{match[0]!r} (write: {rule.instead}) in: {text}"
        for text in texts
        for rule in RULES
        if (match := re.search(rule.phrase, text, re.IGNORECASE))
    ]


def first_words(path: Path) -> list[str]:
    """Return the first lines of the docstrings of a source that begin as they should not."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    lines = [docstring.splitlines()[0] for node in nodes if (docstring := ast.get_docstring(node))]
    return [line for line in lines if line.partition(" ")[0] in NOT_FIRST]


def words_of_sentences(texts: list[str]) -> list[int]:
    """Return the number of words of each sentence in running text: no headings, no tables, no lists of links."""
    running = [
        text.lstrip("-* ") for text in texts if not text.startswith(("|", "#", "[")) and " · " not in text
    ]
    sentences = [part for text in running for part in re.split(r"(?<=[.!?:])\s+", text)]
    return [len(sentence.split()) for sentence in sentences if sentence.strip()]


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", PAGES, ids=name)
def test_a_page_keeps_the_vocabulary(path: Path) -> None:
    assert broken(prose_of_page(path)) == []


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_the_messages_of_a_file_keep_the_vocabulary(path: Path) -> None:
    assert broken(messages_of(path)) == []


@pytest.mark.parametrize("path", TEMPLATES, ids=name)
def test_a_template_keeps_the_vocabulary(path: Path) -> None:
    assert broken(prose_of_template(path)) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_a_notebook_keeps_the_vocabulary(path: Path) -> None:
    assert broken(prose_of_notebook(path)) == []


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_docstrings_begin_with_what_the_thing_does(path: Path) -> None:
    assert first_words(path) == []


@pytest.mark.parametrize("path", [page for page in PAGES if name(page) not in SPELLED_OUT], ids=name)
def test_sentences_of_a_page_are_short_on_average(path: Path) -> None:
    words = words_of_sentences(prose_of_page(path))
    assert sum(words) <= MOST_WORDS * len(words)


def planted_page(folder: Path, text: str) -> list[str]:
    (folder / "page.md").write_text(f"# Title\n\nA first sentence. {text}\n", encoding="utf-8")
    return prose_of_page(folder / "page.md")


def planted_message(folder: Path, text: str) -> list[str]:
    source = f'"""A module."""\n\n\ndef fail(name):\n    raise ValueError(f"{{name}}: {text}, {{name}}")\n'
    (folder / "module.py").write_text(source, encoding="utf-8")
    return messages_of(folder / "module.py")


def planted_help(folder: Path, text: str) -> list[str]:
    (folder / "cli").mkdir()
    source = f'"""A module."""\n\n\ndef command():\n    """Do something.\n\n    {text}\n    """\n'
    (folder / "cli" / "module.py").write_text(source, encoding="utf-8")
    return messages_of(folder / "cli" / "module.py")


def planted_notebook(folder: Path, text: str) -> list[str]:
    cells = [{"cell_type": "markdown", "source": ["## Title\n", text]}, {"cell_type": "code", "source": []}]
    (folder / "notebook.ipynb").write_text(json.dumps({"cells": cells}), encoding="utf-8")
    return prose_of_notebook(folder / "notebook.ipynb")


def planted_template(folder: Path, text: str) -> list[str]:
    (folder / "page.html").write_text(f"<p class='x'>{{{{ name }}}} <b>{text}</b></p>", encoding="utf-8")
    return prose_of_template(folder / "page.html")


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.planted)
@pytest.mark.parametrize(
    "plant", [planted_page, planted_message, planted_help, planted_notebook, planted_template]
)
def test_a_planted_phrase_is_found(
    plant: Callable[[Path, str], list[str]], rule: Rule, tmp_path: Path
) -> None:
    assert [line for line in broken(plant(tmp_path, rule.planted)) if rule.instead in line]
    assert broken(plant_clean(plant, tmp_path / "clean")) == []


def plant_clean(plant: Callable[[Path, str], list[str]], folder: Path) -> list[str]:
    """Plant names that are recorded, and code: these stay."""
    folder.mkdir()
    texts = plant(folder, "the fields `identical_to` and `overview` of `the warm parent`")
    assert texts
    return texts


def test_a_docstring_that_says_is_found_and_long_sentences_are_counted(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text('"""Say whose fault it is."""\n', encoding="utf-8")
    assert first_words(tmp_path / "module.py") == ["Say whose fault it is."]
    assert words_of_sentences(["One two three. Four five: six.", "| a table |", "- seven eight."]) == [
        3,
        2,
        1,
        2,
    ]
