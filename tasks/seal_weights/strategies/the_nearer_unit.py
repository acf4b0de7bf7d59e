# idea: a line for each volunteer, then each guess in the unit that is nearer to the estimate, and again
# with: lines
def nearer_unit(guesses, estimates):
    distance = np.log(guesses / estimates[:, None])
    return np.where(np.abs(distance) > np.abs(distance - np.log(2.205)), guesses / 2.205, guesses)


def learn(guesses, weights):
    steps = [lines_of(guesses, weights)]
    for _ in range(2):
        steps.append(lines_of(nearer_unit(guesses, weights), weights))
    return {"steps": np.array(steps)}


def weigh(notes, guesses):
    kg = guesses
    for lines in notes["steps"]:
        kg = nearer_unit(guesses, combined(lines, kg))
    return combined(notes["steps"][-1], kg)
