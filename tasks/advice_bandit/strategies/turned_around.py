# stronger: the reference, which also takes a caller who is always one or more valleys off at their word
CUT = 0.5  # log odds that somebody must exceed to be believed in another valley than the one they name


def shifted(calls):
    return np.concatenate([(calls - shift) % VALLEYS for shift in range(VALLEYS)], axis=-1)


def tally(observation, calls, now):
    same = (calls == observation["searched"][:, None])[now]
    found = observation["found"][now, None]
    return (same & found).sum(axis=0), ((same & ~found) | (~same & found)).sum(axis=0)


def choose_valley(observation):
    now = observation["past_nights"] == observation["night"]
    past = shifted(observation["past_calls"])
    right, wrong = tally(observation, past, ~now)
    guess = (right + 1) / (right + wrong + 4)
    right, wrong = tally(observation, past, now)
    share = (right + 1 + guess) / (right + wrong + 5)
    odds = np.log(share * (VALLEYS - 1) / (1 - share))
    callers = len(observation["calls"])
    odds[callers:] = np.maximum(odds[callers:] - CUT, 0)
    return int(np.bincount(shifted(observation["calls"]), odds, minlength=VALLEYS).argmax())
