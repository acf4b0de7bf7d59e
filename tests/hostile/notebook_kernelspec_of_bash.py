# attack: notebook-kernelspec-of-bash  expect: invalid_notebook
"""Asks for a kernel in which every cell is a shell script."""


def submit(notebook, slot):
    notebook["metadata"]["kernelspec"] = {"name": "bash", "display_name": "Bash", "language": "bash"}
    notebook["metadata"]["language_info"] = {"name": "bash", "codemirror_mode": "shell"}
    for cell in notebook["cells"]:
        if "slot" in cell["metadata"]["tags"]:
            cell["source"] = f"echo REACHED a shell\n: <<'END'\n{slot}\nEND"
    return notebook
