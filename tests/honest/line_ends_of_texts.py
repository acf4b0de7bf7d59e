# expect: slot_error
# says: value = names[int(targets[0]) + 5]
# one two three four five six seven  eight
text = '''abc'''
def your_weights(targets, losses):
    names = ["a", "b"]
    value = names[int(targets[0]) + 5]
    return torch.ones(len(targets))
