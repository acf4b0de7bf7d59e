# expect: slot_crashed -- forks until the kernel refuses
# needs: processes
import os
import time

def your_select_indices(targets, losses):
    while True:
        if not os.fork():
            time.sleep(60)
