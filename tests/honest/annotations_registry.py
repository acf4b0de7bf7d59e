# expect: same
import inspect
HANDLERS = {}
def handles(function):
    (kind,) = [p.annotation for p in inspect.signature(function).parameters.values()]
    HANDLERS[kind] = function
    return function
@handles
def of_tensor(value: torch.Tensor):
    return value.float() + 1
@handles
def of_array(value: np.ndarray):
    return value + 2
def your_weights(targets, losses):
    return HANDLERS[type(targets)](targets)
