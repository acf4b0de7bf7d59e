# trick: ten alarms of following anybody, then the caller with the best record
def choose_valley(observation):
    searched = observation["searched"]
    if len(searched) < 10:
        return int(observation["calls"][len(searched) % len(observation["calls"])])
    followed = observation["past_calls"] == searched[:, None]
    hits = (followed & observation["found"][:, None]).sum(axis=0)
    return int(observation["calls"][((hits + 1) / (followed.sum(axis=0) + 2)).argmax()])
