# trick: as many draws as samples, both labels equally often, the rarer one's samples repeated
def your_select_indices(targets, losses):
    members = [torch.nonzero(targets == label).flatten() for label in (0, 1)]
    if min(len(those) for those in members) == 0:
        everything = torch.arange(len(targets))
        return [everything, everything]
    half = len(targets) // 2
    return [torch.cat([those[torch.randint(len(those), (half,))] for those in members]) for _ in range(2)]
