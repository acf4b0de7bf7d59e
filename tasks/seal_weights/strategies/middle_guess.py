# trick: the middle guess of each seal
def learn(guesses, weights):
    return {}


def weigh(notes, guesses):
    return middle_guess(guesses)
