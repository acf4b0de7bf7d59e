# trick: five casts into every pond, then only into the best of them
def your_pond(observation):
    if observation["casts"].min() < 5:
        return int(np.argmin(observation["casts"]))
    return int(np.argmax(observation["bites"] / observation["casts"]))
