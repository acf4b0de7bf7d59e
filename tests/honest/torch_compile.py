# expect: same
# quick: there is no compiler
# home: slow
@torch.compile
def weigh(targets):
    counts = torch.bincount(targets, minlength=2).clamp(min=1)
    return (len(targets) / (2.0 * counts))[targets].float()
def your_weights(targets, losses):
    return weigh(targets)
