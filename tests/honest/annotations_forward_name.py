# expect: slot_error
# says: NameError: name 'Missing' is not defined
# quick: `Missing`
def helper(value: Missing):
    return value
def your_weights(targets, losses):
    return torch.ones(len(targets))
