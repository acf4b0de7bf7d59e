# expect: invalid_output
# says: a Weights
class Weights(torch.Tensor):
    pass
def your_weights(targets, losses):
    return torch.ones(len(targets)).as_subclass(Weights)
