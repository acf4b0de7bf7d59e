# attack: forging-chance  expect: scored=honest
"""Sets every generator of random numbers between calls, so that the trainer would draw what this likes.

The trainer draws in its own process; the slot's own numbers are put back before the honest function needs
them.
"""

import os
import random

own_states = []


def attack(honest, *arguments):
    if own_states:
        python, numpy, torches = own_states.pop()
        random.setstate(python)
        np.random.set_state(numpy)
        torch.set_rng_state(torches)
    answer = honest(*arguments)
    own_states.append((random.getstate(), np.random.get_state(), torch.get_rng_state()))
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    os.environ["PYTHONHASHSEED"] = "1"
    torch.use_deterministic_algorithms(False)
    return answer
