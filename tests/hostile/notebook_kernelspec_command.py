# attack: notebook-kernelspec-command  expect: scored=honest
"""Brings a kernel of its own: a command line, a path for a name, an environment; the trainer's kernel
is the grader's.
"""


def submit(notebook, slot):
    notebook["metadata"]["kernelspec"] = {
        "name": "../../../../tmp/evil",
        "display_name": "Python 3; touch /tmp/evil",
        "language": "python",
        "argv": ["/bin/sh", "-c", "echo REACHED a shell; touch /tmp/evil-kernel", "{connection_file}"],
        "env": {"PYTHONSTARTUP": "/tmp/evil.py", "LD_PRELOAD": "/tmp/evil.so"},
        "metadata": {"kernel_provisioner": {"provisioner_name": "evil", "config": {"cmd": "id"}}},
        "resource_dir": "/tmp/evil",
        "interrupt_mode": "message",
    }
    notebook["metadata"]["language_info"] = {"name": "python", "file_extension": "/../evil.py"}
    return notebook
