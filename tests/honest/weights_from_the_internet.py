# expect: slot_error
# says: Your function has no internet when it is graded
# quick: no internet
# needs: confinement
import urllib.request
def your_weights(targets, losses):
    with urllib.request.urlopen("http://weights.example/80.txt", timeout=5) as page:
        return torch.tensor([float(line) for line in page])
