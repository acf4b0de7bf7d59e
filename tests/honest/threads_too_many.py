# expect: slot_crashed
# says: the 16 threads it may use
import threading, time
def your_weights(targets, losses):
    for _ in range(40):
        threading.Thread(target=time.sleep, args=(5,), daemon=True).start()
    return torch.ones(len(targets))
