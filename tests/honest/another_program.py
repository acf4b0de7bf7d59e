# expect: slot_error
# says: There are no programs beside Python
# quick: no programs beside Python
# needs: confinement
import subprocess
def your_weights(targets, losses):
    lines = subprocess.run(["seq", str(len(targets))], capture_output=True, text=True).stdout.split()
    return torch.tensor([float(line) for line in lines])
