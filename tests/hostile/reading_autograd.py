# attack: reading-autograd  expect: scored=honest
"""Follows tensors back to the model: history, base, hooks, a storage larger than the view, memory that is
shared.

Arrays arrive as fresh copies of exactly their own bytes.
"""


def tensors_in(value):
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_in(item)
    elif isinstance(value, (np.ndarray, torch.Tensor)):
        yield value


def leaves_of(node, depth=50):
    while node is not None and depth:
        if hasattr(node, "variable"):
            return node.variable
        node = next((before for before, _ in node.next_functions if before is not None), None)
        depth -= 1
    return None


def inspect_tensor(tensor):
    if tensor.grad_fn is not None:
        reached(f"history: {tensor.grad_fn}, and in the end {type(leaves_of(tensor.grad_fn)).__name__}")
    if tensor.requires_grad or tensor.grad is not None or tensor._base is not None or tensor._backward_hooks:
        reached("a tensor that belongs to a graph")
    storage = tensor.untyped_storage()
    if storage.nbytes() > tensor.numel() * tensor.element_size() or tensor.storage_offset():
        reached(f"{storage.nbytes()} bytes behind a view of {tensor.numel()} numbers")
    if tensor.is_shared() or tensor._version:
        reached("a tensor that somebody else uses")


def inspect_array(array):
    base = array.base
    while base is not None:
        if getattr(base, "nbytes", 0) > array.nbytes:
            reached(f"an array of {base.nbytes} bytes behind one of {array.nbytes}")
        base = getattr(base, "base", None)


def attack(honest, *arguments):
    for array in tensors_in(arguments):
        (inspect_tensor if isinstance(array, torch.Tensor) else inspect_array)(array)
        address = array.data_ptr() if isinstance(array, torch.Tensor) else array.ctypes.data
        for line in open("/proc/self/maps"):
            start, end = (int(number, 16) for number in line.split()[0].split("-"))
            if start <= address < end and line.split()[1][3] == "s":
                reached("an argument in memory that is shared with another process")
    return honest(*arguments)
