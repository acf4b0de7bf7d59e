# expect: invalid_output
# says: MaskedArray
def your_weights(targets, losses):
    return np.ma.masked_greater(np.arange(len(targets)), 50)
