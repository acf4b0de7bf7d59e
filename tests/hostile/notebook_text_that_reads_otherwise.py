# attack: notebook-text-that-reads-otherwise  expect: scored=honest
"""Hides code from a reader: lone carriage returns, form feeds, right-to-left marks, lines that an
editor does not break.
"""

HIDING = (
    "# nothing to see here\rprint('a line of its own')\n"
    "\x0cprint('after a form feed')\n"
    "access = 'user\u202e \u2066# only if admin\u2069 \u2066'\n"
    "# a line separator\u2028print('REACHED code in a comment')\n"
    "# a next line\x85print('REACHED code in a comment')\n"
    "# a vertical tab\x0bprint('REACHED code in a comment')\n"
    "# zero \u200bwidth\n"
)


def submit(notebook, slot):
    for cell in notebook["cells"]:
        if "slot" in cell["metadata"]["tags"]:
            cell["source"] = [HIDING, slot[:10], slot[10:]]
    return notebook
