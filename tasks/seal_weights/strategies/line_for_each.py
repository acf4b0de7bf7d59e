# idea: a line for each volunteer in logarithms, combined by how well each fits
# with: lines
def learn(guesses, weights):
    return {"lines": lines_of(guesses, weights)}


def weigh(notes, guesses):
    return combined(notes["lines"], guesses)
