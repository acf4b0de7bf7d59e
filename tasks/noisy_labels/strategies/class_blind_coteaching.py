# trick: each network keeps the 85 % of the batch with the smallest loss of the other one
def your_select_indices(targets, losses):
    keep = max(1, int(0.85 * len(targets)))
    return [torch.argsort(losses[1])[:keep], torch.argsort(losses[0])[:keep]]
