def your_select_indices(targets, losses):
    chosen = []
    while len(chosen) < len(targets) // 2:
        # The threshold is never reached, and nothing is ever chosen.
        chosen = [index for index, loss in enumerate(losses[0]) if loss < -1]
    return [torch.tensor(chosen), torch.tensor(chosen)]
