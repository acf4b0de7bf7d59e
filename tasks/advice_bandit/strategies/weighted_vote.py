# idea: let all callers vote, each with the share of their hits
def choose_valley(observation):
    followed = observation["past_calls"] == observation["searched"][:, None]
    hits = (followed & observation["found"][:, None]).sum(axis=0)
    weights = (hits + 1) / (followed.sum(axis=0) + 3)
    return int(np.bincount(observation["calls"], weights, minlength=VALLEYS).argmax())
