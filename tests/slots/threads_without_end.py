# expect: slot_crashed -- starts threads until the kernel refuses
# needs: confinement
import threading
import time

def your_select_indices(targets, losses):
    while True:
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
