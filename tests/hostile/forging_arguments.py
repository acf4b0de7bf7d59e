# attack: forging-arguments  expect: scored=honest
"""Changes its arguments in place, after the honest function has seen copies: by methods, by memory, by
storage.

They are copies of the trainer's, in another process.
"""

import copy
import ctypes


def spoil_tensor(tensor):
    tensor.data.fill_(1)
    tensor.requires_grad_(tensor.is_floating_point())
    tensor.detach().zero_()
    ctypes.memset(tensor.data_ptr(), 1, tensor.numel() * tensor.element_size())
    with torch.no_grad():
        tensor.set_(torch.ones(3, dtype=tensor.dtype))
    tensor.grad = torch.full_like(tensor, 1e9) if tensor.is_floating_point() else None


def spoil_array(array):
    array.setflags(write=True)
    array.fill(1)
    ctypes.memset(array.ctypes.data, 1, array.nbytes)
    array.resize(array.shape, refcheck=False)


def spoil(value):
    if isinstance(value, torch.Tensor):
        spoil_tensor(value)
    elif isinstance(value, np.ndarray):
        spoil_array(value)
    elif isinstance(value, (list, tuple)):
        for item in value:
            spoil(item)
        if isinstance(value, list):
            value.clear()


def attack(honest, *arguments):
    answer = copy.deepcopy(honest(*copy.deepcopy(arguments)))
    spoil(arguments)
    return answer
