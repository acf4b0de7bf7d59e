# stronger: the reference, but a little stricter, and a step learns from all that it believes: the rarer label's samples count more than once
TRULY = 500 / 2880
calls, labels, remembered = 0, {}, {}


def shares_to_keep(labels):
    called = labels.float().mean()
    wrong0 = called - 0.29 * TRULY
    wrong1 = 0.71 - wrong0
    return float(1 - TRULY * wrong1 / (1 - called)), float(TRULY * (1 - wrong1) / called)


def repeated(members, count):
    shuffled = [members[torch.randperm(len(members))] for _ in range(-(-count // len(members)))]
    return torch.cat(shuffled)[:count]


def your_select_indices(targets, losses):
    global calls
    epoch, batch = calls // 23 % 8, calls % 23
    calls += 1
    losses = torch.stack(losses)
    labels[batch] = targets
    remembered[batch] = losses if epoch == 0 else (remembered[batch] + losses) / 2
    all_labels, all_losses = torch.cat([*labels.values()]), torch.cat([*remembered.values()], dim=1)
    right0, right1 = shares_to_keep(all_labels)
    keep = {0: right0, 1: 0.6 + (0.85 * right1 - 0.6) * epoch / 7}
    chosen = []
    for peer in (1, 0):
        easy = {}
        for label in (0, 1):
            limit = all_losses[peer][all_labels == label].quantile(keep[label])
            easy[label] = ((targets == label) & (remembered[batch][peer] <= limit)).nonzero().flatten()
        most = min(max(len(easy[0]), len(easy[1])), len(targets) // 2)
        some = len(easy[0]) and len(easy[1])
        chosen.append(torch.cat([repeated(easy[label], most) for label in (0, 1)]) if some else torch.arange(len(targets)))
    return chosen
