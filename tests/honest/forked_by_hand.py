# expect: slot_error
# says: your function has one process, and cannot start another
# quick: your function has one process, and cannot start another
import multiprocessing
def put(queue, values):
    queue.put([value + 1 for value in values])
def your_weights(targets, losses):
    queue = multiprocessing.Queue()
    worker = multiprocessing.Process(target=put, args=(queue, losses.tolist()))
    worker.start()
    values = queue.get()
    worker.join()
    return torch.tensor(values)
