# idea: a search also tells about those who were not followed: log odds of being right, from every alarm that tells
def choose_valley(observation):
    same = observation["past_calls"] == observation["searched"][:, None]
    found = observation["found"][:, None]
    right, wrong = (same & found).sum(axis=0), ((same & ~found) | (~same & found)).sum(axis=0)
    share = (right + 1) / (right + wrong + 2.5)
    odds = np.log(share * (VALLEYS - 1) / (1 - share))
    return int(np.bincount(observation["calls"], odds, minlength=VALLEYS).argmax())
