# expect: slot_error
# says: your function has one process, and cannot start another
# quick: your function has one process, and cannot start another
import json, subprocess, sys
PROGRAM = "import json, sys, numpy; print(float(numpy.mean(json.load(sys.stdin))))"
def your_weights(targets, losses):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=json.dumps(losses.tolist()), capture_output=True, text=True, check=True
    )
    return losses * 0 + float(done.stdout)
