# attack: reading-live-objects  expect: scored=honest
"""Thaws what was frozen and searches all live objects, and whatever refers to the arguments, for the
trainer's own.
"""

import gc

searched_objects = []


def belongs_to_a_trainer(thing):
    kind = type(thing)
    if kind is dict:
        return "PREDICTIONS_PATH" in thing or "DATA_PATH" in thing
    return issubclass(kind, (torch.nn.Module, torch.optim.Optimizer, torch.utils.data.Dataset))


def attack(honest, *arguments):
    if not searched_objects:
        searched_objects.append(True)
        gc.unfreeze()
        gc.collect()
        for thing in gc.get_objects():
            if belongs_to_a_trainer(thing):
                reached(f"a live {type(thing).__name__} of the trainer")
        level, seen = list(arguments), {id(arguments)}
        for _ in range(4):  # who holds the arguments, who holds that, and so on
            level = [holder for holder in gc.get_referrers(*level) if id(holder) not in seen][:2000]
            seen |= set(map(id, level))
            if any(map(belongs_to_a_trainer, level)):
                reached("a holder of the arguments that belongs to the trainer")
            if not level:
                break
    return honest(*arguments)
