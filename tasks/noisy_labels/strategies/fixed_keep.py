# idea: the reference's idea without its schedule: of each label a fixed share with the smallest loss of the peer
def your_select_indices(targets, losses):
    keep = (0.90, 0.50)
    chosen = []
    for peer in (losses[1], losses[0]):
        parts = []
        for label, share in enumerate(keep):
            members = torch.nonzero(targets == label).flatten()
            order = torch.argsort(peer[members])
            parts.append(members[order[: max(1, round(share * len(members)))]])
        chosen.append(torch.cat(parts))
    return chosen
