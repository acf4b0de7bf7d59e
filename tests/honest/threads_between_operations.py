# expect: same
# home: slow
torch.set_num_interop_threads(32)
@torch.jit.script
def both(losses: torch.Tensor) -> torch.Tensor:
    parts = [torch.jit.fork(torch.sin, losses), torch.jit.fork(torch.cos, losses)]
    return torch.jit.wait(parts[0]) + torch.jit.wait(parts[1])
def your_weights(targets, losses):
    return both(losses)
