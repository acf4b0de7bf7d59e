# expect: same
from threadpoolctl import ThreadpoolController
big = torch.ones(700, 700)
array = np.ones((700, 700))
def your_weights(targets, losses):
    with ThreadpoolController().limit(limits=64):
        total = float((big @ big).sum()) + float((array @ array).sum())
    return torch.full((len(targets),), total / 1e9)
