# trick: of each batch the 70 % with the smallest losses, from the first step to the last
def your_weights(labels, losses, epoch):
    weights = torch.zeros(len(losses))
    weights[torch.argsort(losses)[: max(1, round(0.7 * len(losses)))]] = 1.0
    return weights
