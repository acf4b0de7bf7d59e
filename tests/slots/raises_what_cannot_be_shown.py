# expect: slot_error -- an exception whose text raises an exception
class Shy(Exception):
    def __str__(self):
        raise SystemExit(0)


def your_select_indices(targets, losses):
    raise Shy
