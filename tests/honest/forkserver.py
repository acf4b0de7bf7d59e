# expect: same
import multiprocessing
def your_weights(targets, losses):
    with multiprocessing.get_context("forkserver").Pool(2) as pool:
        sums = pool.map(np.sum, np.array_split(losses.double().numpy(), 4))
    return losses * 0 + float(sum(sums))
