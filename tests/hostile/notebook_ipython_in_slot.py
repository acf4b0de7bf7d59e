# attack: notebook-ipython-in-slot  expect: scored=honest
"""Asks for the shell of IPython, for a history, for the kernel and its user's names; in a sandbox
there is none.
"""

CODE = """
try:
    shell = get_ipython()
    print("REACHED the shell", shell)
except NameError:
    pass
try:
    import IPython
    if IPython.get_ipython() is not None:
        print("REACHED the shell by its module")
    from ipykernel.kernelapp import IPKernelApp
    if IPKernelApp.initialized():
        print("REACHED the kernel")
except ImportError:
    pass
for name in ("In", "Out", "_ih", "_oh", "_i", "exit", "quit", "PREDICTIONS_PATH", "SEED"):
    if name in globals():
        print("REACHED the notebook's name", name)
"""


def submit(notebook, slot):
    for cell in notebook["cells"]:
        if "slot" in cell["metadata"]["tags"]:
            cell["source"] = CODE + slot
    return notebook
