def your_select_indices(targets, losses):
    keep = int(0.85 * len(targets))
    smallest = [torch.argsort(loss)[:keep] for loss in losses]
    # The lists were meant to be swapped; there is no third network.
    return [smallest[1], smallest[2]]
