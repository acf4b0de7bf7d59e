# trick: fill what is missing with the volunteer's mean, then ridge regression
def learn(guesses, weights):
    means = np.nanmean(guesses, axis=0)
    x = np.where(np.isnan(guesses), 0, guesses - means)
    slopes = np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ (weights - weights.mean()))
    return {"means": means, "slopes": slopes, "middle": weights.mean()}


def weigh(notes, guesses):
    return notes["middle"] + np.where(np.isnan(guesses), 0, guesses - notes["means"]) @ notes["slopes"]
