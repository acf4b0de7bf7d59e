# trick: the median ratio of weight and guess of each volunteer, then the middle of the corrected guesses
def learn(guesses, weights):
    return {"ratios": np.nanmedian(weights[:, None] / guesses, axis=0)}


def weigh(notes, guesses):
    return np.nanmedian(guesses * notes["ratios"], axis=1)
