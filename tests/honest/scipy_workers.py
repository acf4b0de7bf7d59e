# expect: same
from scipy.optimize import brute
def parabola(point):
    return float((point[0] - 0.25) ** 2)
def your_weights(targets, losses):
    best = brute(parabola, [(-1, 1)], Ns=9, workers=2)
    return losses * 0 + float(best[0])
