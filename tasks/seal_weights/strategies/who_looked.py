# stronger: the reference, and who looked at a seal says how heavy it may be
# with: habits
def looks_of(seen, size, rounds=10):
    """Return the log odds that a volunteer looks, and how they change with the size, by Newton's method with a weak prior."""
    design, odds = np.stack([np.ones_like(size), size], axis=1), np.zeros(2)
    for _ in range(rounds):
        chance = 1 / (1 + np.exp(-design @ odds))
        gradient = design.T @ (seen - chance) - 0.5 * odds
        odds = odds + np.linalg.solve((design.T * (chance * (1 - chance))) @ design + 0.5 * np.eye(2), gradient)
    return odds


def learn(guesses, weights):
    seen = np.isfinite(guesses)
    habits = [habit_of(said[rows].astype(float), weights[rows]) for said, rows in zip(guesses.T, seen.T)]
    middle, spread = np.log(weights).mean(), np.log(weights).std()
    looks = [looks_of(rows.astype(float), (np.log(weights) - middle) / spread) for rows in seen.T]
    return {"habits": np.array(habits), "looks": np.array(looks), "middle": middle, "spread": spread}


def weigh(notes, guesses):
    beliefs = np.tile(-0.5 * ((np.log(GRID) - notes["middle"]) / notes["spread"]) ** 2, (len(guesses), 1))  # (n, 300)
    size = (np.log(GRID) - notes["middle"]) / notes["spread"]
    for (often, heavy), said in zip(notes["looks"], guesses.T):
        odds = often + heavy * size
        beliefs -= np.where(np.isfinite(said)[:, None], np.log1p(np.exp(-odds)), np.log1p(np.exp(odds)))
    for (offset, slope, spread, share), said in zip(notes["habits"], guesses.T):
        expected = np.log(np.maximum(offset + slope * GRID, 1))
        seen = np.isfinite(said)
        distance = np.log(said[seen].astype(float))[:, None] - expected
        density = (1 - share) * bell(distance, spread) + share * bell(distance - np.log(POUND), spread)
        beliefs[seen] += np.log(0.98 * density + 0.02 * bell(distance, 1.0))  # 2 % of all guesses mean nothing
    chances = np.exp(beliefs - beliefs.max(axis=1, keepdims=True)).cumsum(axis=1)
    return GRID[(chances >= 0.5 * chances[:, -1:]).argmax(axis=1)]  # the median has the least absolute error
