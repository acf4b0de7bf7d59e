# attack: stopping-exits-in-threads  expect: scored=honest
"""SystemExit, KeyboardInterrupt and worse, each in a thread of its own: the function goes on."""

import sys
import threading


def fail(error):
    raise error


sys.stderr.write("now several tracebacks of threads follow\n")
for error in (SystemExit(1), KeyboardInterrupt(), GeneratorExit(), RecursionError(), MemoryError()):
    failing = threading.Thread(target=fail, args=(error,))
    failing.start()
    failing.join()
