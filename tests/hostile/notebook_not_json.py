# attack: notebook-not-json  expect: invalid_notebook
"""Is a Python program, a YAML document that makes objects and a web page, all in one, with the slot in it."""


def submit(notebook, slot):
    page = "<!DOCTYPE html><script>alert(1)</script>"
    return f"!!python/object/apply:os.system ['touch /tmp/evil-yaml']\n# {page}\n{slot}\n".encode()
