# expect: slot_error
# says: value = names[int(targets[0]) + 5]
# copied from a word processor: the second line of the same remark
def your_weights(targets, losses):
    names = ["a", "b"]
    value = names[int(targets[0]) + 5]
    return torch.ones(len(targets))
