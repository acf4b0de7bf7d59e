# expect: slot_error
# says: that takes sockets
# quick: that takes sockets
# needs: confinement
import multiprocessing
def your_weights(targets, losses):
    with multiprocessing.Manager() as manager:
        shared = manager.list(losses.tolist())
        return torch.tensor(list(shared))
