# trick: a straight line through the middle guesses
def learn(guesses, weights):
    slope, offset = np.polyfit(np.nanmedian(guesses, axis=1), weights, 1)
    return {"slope": slope, "offset": offset}


def weigh(notes, guesses):
    return notes["offset"] + notes["slope"] * np.nanmedian(guesses, axis=1)
