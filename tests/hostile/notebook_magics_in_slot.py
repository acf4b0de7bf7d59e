# attack: notebook-magics-in-slot  expect: slot_error
"""Shell lines, help lines and magics of IPython around the entry; in a sandbox they are no Python."""

BEFORE = """
%load_ext autoreload
%env PREDICTIONS_PATH=/tmp/predictions.npz
!echo REACHED a shell
files = !ls /
%run /etc/passwd
?print
"""


def submit(notebook, slot):
    for cell in notebook["cells"]:
        if "slot" in cell["metadata"]["tags"]:
            cell["source"] = BEFORE + slot + "\n!echo REACHED a shell\n"
    return notebook
