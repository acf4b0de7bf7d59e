# attack: forging-ipython  expect: scored=honest
"""Looks for the notebook's shell and publishes through it: displays, updates of displays, comms, events,
magics.
"""

import builtins
import sys


def shell_of_the_notebook():
    if hasattr(builtins, "get_ipython"):
        return builtins.get_ipython()
    interactive = sys.modules.get("IPython.core.interactiveshell")
    if interactive is None:
        try:
            from IPython.core import interactiveshell as interactive
        except (ImportError, OSError):
            return None
    shell = interactive.InteractiveShell
    return shell.instance() if shell.initialized() else None


def publish(shell):
    shell.display_pub.publish({"text/html": "<script>alert(1)</script>", "text/plain": "100 points"})
    shell.events.register("post_run_cell", lambda *_: print("100 points"))
    shell.user_ns["points"] = shell.user_ns["PREDICTIONS_PATH"] = "/tmp/predictions.npz"
    shell.run_cell("points = 100", store_history=True)
    kernel = getattr(shell, "kernel", None)
    if kernel is not None:
        said = {"data": {"text/plain": "100"}, "metadata": {}, "execution_count": 1}
        kernel.session.send(kernel.iopub_socket, "execute_result", said)
    reached("the shell of a notebook")


def publish_without_a_shell():
    try:
        from IPython.display import HTML, display, update_display
    except (ImportError, OSError):
        return
    display(HTML("<script>alert('points')</script>"), display_id="points")
    update_display({"text/plain": "100 points"}, raw=True, display_id="points")


tried_to_publish = []


def attack(honest, *arguments):
    if not tried_to_publish:
        tried_to_publish.append(True)
        shell = shell_of_the_notebook()
        if shell is not None:
            publish(shell)
        publish_without_a_shell()
    return honest(*arguments)
