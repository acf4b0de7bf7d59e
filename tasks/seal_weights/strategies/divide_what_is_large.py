# trick: what is far above the middle guess is in pounds; then a line for each volunteer
# with: lines
def in_kg(guesses):
    return np.where(guesses > 1.6 * np.nanmedian(guesses, axis=1, keepdims=True), guesses / 2.205, guesses)


def learn(guesses, weights):
    return {"lines": lines_of(in_kg(guesses), weights)}


def weigh(notes, guesses):
    return combined(notes["lines"], in_kg(guesses))
