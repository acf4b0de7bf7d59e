# attack: forging-after-return  expect: scored=honest
"""Goes on in threads after it has returned: what it returned, and what it was given, is overwritten from then
on.

What was returned has been sent by then; the next call, which comes when the answer has arrived, starts the
overwriting.
"""

import threading

handed_out, go_on, done = [], threading.Event(), threading.Event()


def arrays_within(value):
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from arrays_within(item)
    elif isinstance(value, dict):
        yield from arrays_within(list(value.values()))
    elif isinstance(value, (np.ndarray, torch.Tensor)):
        yield value


def overwrite():
    while True:
        go_on.wait()
        go_on.clear()
        for array in handed_out:
            if isinstance(array, torch.Tensor):
                array.data.fill_(0)
            elif array.flags.writeable:
                array.fill(0)
        handed_out.clear()
        done.set()


threading.Thread(target=overwrite, daemon=True).start()


def attack(honest, *arguments):
    if handed_out:
        done.clear()
        go_on.set()
        done.wait(5)
    answer = honest(*arguments)
    handed_out.extend(arrays_within([answer, list(arguments)]))
    return answer
