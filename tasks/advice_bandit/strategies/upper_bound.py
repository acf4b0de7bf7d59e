# trick: UCB1 over the callers, as if each were the arm of a slot machine
def choose_valley(observation):
    followed = observation["past_calls"] == observation["searched"][:, None]
    times = followed.sum(axis=0)
    hits = (followed & observation["found"][:, None]).sum(axis=0)
    bonus = np.sqrt(2 * np.log(1 + len(followed)) / np.maximum(times, 1))
    return int(observation["calls"][np.where(times > 0, hits / np.maximum(times, 1) + bonus, 1e9).argmax()])
