# idea: the habits of the reference and the same prior, but every guess is taken for kg
# with: habits
def learn(guesses, weights):
    seen = np.isfinite(guesses)
    habits = [kg_habit_of(said[rows].astype(float), weights[rows]) for said, rows in zip(guesses.T, seen.T)]
    return {"habits": np.array(habits), "middle": np.log(weights).mean(), "spread": np.log(weights).std()}


def weigh(notes, guesses):
    beliefs = np.tile(-0.5 * ((np.log(GRID) - notes["middle"]) / notes["spread"]) ** 2, (len(guesses), 1))  # (n, 300)
    for (offset, slope, spread, share), said in zip(notes["habits"], guesses.T):
        expected = np.log(np.maximum(offset + slope * GRID, 1))
        seen = np.isfinite(said)
        distance = np.log(said[seen].astype(float))[:, None] - expected
        density = (1 - share) * bell(distance, spread) + share * bell(distance - np.log(POUND), spread)
        beliefs[seen] += np.log(0.98 * density + 0.02 * bell(distance, 1.0))  # 2 % of all guesses mean nothing
    chances = np.exp(beliefs - beliefs.max(axis=1, keepdims=True)).cumsum(axis=1)
    return GRID[(chances >= 0.5 * chances[:, -1:]).argmax(axis=1)]  # the median has the least absolute error


def kg_habit_of(said, weights):
    """Return offset, slope, spread and no pounds."""
    offset, slope = 0.0, 1.0
    for _ in range(5):
        expected = np.maximum(offset + slope * weights, 5)
        design = np.stack([np.ones_like(weights), weights], axis=1) / expected[:, None]
        offset, slope = np.linalg.solve(design.T @ design + np.diag([1e-4, 1e-4]), design.T @ (said / expected) + [0, 1e-4])
    errors = np.log(said / np.maximum(offset + slope * weights, 5)) ** 2
    return offset, slope, max(np.sqrt(np.minimum(errors, 0.5).mean()), 0.03), 0.0
