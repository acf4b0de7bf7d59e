# attack: flooding-threads  expect: scored=honest
"""Start threads until the kernel refuses, swallow that, and leave them there; thousands would be a hole."""

import threading

never = threading.Event()
for number in range(5_000):
    try:
        threading.Thread(target=never.wait, daemon=True).start()
    except RuntimeError:
        break
else:
    reached("5,000 threads")
