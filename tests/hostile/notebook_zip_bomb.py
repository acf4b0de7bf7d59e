# attack: notebook-zip-bomb  expect: invalid_notebook
"""Is a zip that unpacks to a thousand times its size, under the name of a notebook."""

import io
import zipfile


def submit(notebook, slot):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("student.ipynb", "w", force_zip64=True) as member:
            for _ in range(64):
                member.write(bytes(1 << 20))
    return file.getvalue()
