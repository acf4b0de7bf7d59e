# stronger: the reference with doubt: the surest samples labelled 1 count three times, those at the edge once
TRULY = 500 / 2880
COPIES = 0.6, 1.0, 1.5  # one copy of a sample for each limit that its rank stays below, as multiples of the share to keep
calls, labels, remembered = 0, {}, {}


def shares_to_keep(labels):
    called = labels.float().mean()
    wrong0 = called - 0.29 * TRULY
    wrong1 = 0.71 - wrong0
    return float(1 - TRULY * wrong1 / (1 - called)), float(TRULY * (1 - wrong1) / called)


def your_select_indices(targets, losses):
    global calls
    epoch, batch = calls // 23 % 8, calls % 23
    calls += 1
    losses = torch.stack(losses)
    labels[batch] = targets
    remembered[batch] = losses if epoch == 0 else (remembered[batch] + losses) / 2
    all_labels, all_losses = torch.cat([*labels.values()]), torch.cat([*remembered.values()], dim=1)
    right0, right1 = shares_to_keep(all_labels)
    share1 = 0.6 + (right1 - 0.6) * epoch / 7
    chosen = []
    for peer in (1, 0):
        ranks, members = {}, {}
        for label in (0, 1):
            known = all_losses[peer][all_labels == label].sort().values
            members[label] = (targets == label).nonzero().flatten()
            ranks[label] = torch.searchsorted(known, remembered[batch][peer][members[label]]) / len(known)
        ones = torch.cat([members[1][ranks[1] <= share1 * copies] for copies in COPIES])
        zeros = members[0][ranks[0] <= right0]
        if min(len(ones), len(zeros)) == 0:
            chosen.append(torch.arange(len(targets)))
            continue
        half = min(len(ones), len(targets) // 2)
        ones = ones[torch.randperm(len(ones))[:half]]
        few = len(zeros) < half
        picks = torch.randint(len(zeros), (half,)) if few else torch.randperm(len(zeros))[:half]
        chosen.append(torch.cat([zeros[picks], ones]))
    return chosen
