# expect: invalid_output
# says: a matrix
def your_weights(targets, losses):
    return [np.matrix(losses.numpy())]
