# attack: notebook-pickle  expect: invalid_notebook
"""Is a pickle that runs a command when somebody loads it, under the name of a notebook."""

import pickle


class Evil:
    def __reduce__(self):
        return eval, ("__import__('pathlib').Path('/tmp/evil-pickle').touch()",)


def submit(notebook, slot):
    return pickle.dumps({"cells": [], "nbformat": 4, "metadata": Evil()}, protocol=0)
