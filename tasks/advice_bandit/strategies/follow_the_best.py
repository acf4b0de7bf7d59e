# trick: follow the caller who was right most often when you searched where they said
def choose_valley(observation):
    followed = observation["past_calls"] == observation["searched"][:, None]
    hits = (followed & observation["found"][:, None]).sum(axis=0)
    return int(observation["calls"][((hits + 1) / (followed.sum(axis=0) + 2)).argmax()])
