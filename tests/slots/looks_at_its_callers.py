# expect: scored -- searches frames and all live objects for labels, models and losses
import numpy as np
import gc
import sys

def your_select_indices(targets, losses):
    frame = sys._getframe()
    while frame is not None:
        assert not {"labels", "model", "model1", "optimizer", "answers"} & set(frame.f_locals)
        frame = frame.f_back
    modules = [item for item in gc.get_objects() if type(item).__name__ in ("SmallNet", "AdamW", "TaskDataset")]
    assert modules == []
    assert getattr(losses[0], "grad_fn", None) is None
    n = len(targets)
    return [np.arange(n), np.arange(n)]
