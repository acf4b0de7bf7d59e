# trick: as many samples of each class as the rarer one has, chosen at random
def your_select_indices(targets, losses):
    classes = [torch.nonzero(targets == label).flatten() for label in (0, 1)]
    rarer = min(len(members) for members in classes)
    if rarer == 0:
        everything = torch.arange(len(targets))
        return [everything, everything]
    return [
        torch.cat([members[torch.randperm(len(members))[:rarer]] for members in classes]) for _ in range(2)
    ]
