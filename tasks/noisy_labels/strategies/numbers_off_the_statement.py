# trick: of each label what the middle of the statement's ranges leaves, by the smallest loss of the peer
def your_select_indices(targets, losses):
    keep = (0.83, 0.44)  # what 17 % and 56 % leave
    chosen = []
    for peer in (losses[1], losses[0]):
        parts = []
        for label, share in enumerate(keep):
            members = torch.nonzero(targets == label).flatten()
            order = torch.argsort(peer[members])
            parts.append(members[order[: max(1, round(share * len(members)))]])
        chosen.append(torch.cat(parts))
    return chosen
