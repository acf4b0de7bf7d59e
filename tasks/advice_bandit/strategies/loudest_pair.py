# trick: search where two callers agree who have agreed most often before
def choose_valley(observation):
    calls, past = observation["calls"], observation["past_calls"]
    agreed = (past[:, :, None] == past[:, None, :]).sum(axis=0) + np.eye(len(calls)) * -1e9
    same = calls[:, None] == calls[None, :]
    best = np.where(same, agreed, -1e9).max(axis=1)
    return int(calls[best.argmax()])
