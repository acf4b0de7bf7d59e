POUND = 2.205  # pounds in a kg: three of the ten write pounds now and then, and never say so
GRID = np.exp(np.linspace(np.log(15), np.log(350), 300))  # kg, the weights that are tried


def bell(distance, spread):
    """Return the density of a normal distribution, without the constant factor."""
    return np.exp(-0.5 * (distance / spread) ** 2) / spread


def habit_of(said, weights, rounds=30):
    """Return offset, slope, relative spread and the share of pounds of one volunteer, by expectation maximisation.

    A guess is offset + slope * weight, times noise; in pounds it is the same times 2.205.
    """
    offset, slope, spread, share = 0.0, 1.0, 0.2, 0.3
    for _ in range(rounds):
        expected = np.maximum(offset + slope * weights, 5)
        kg = (1 - share) * bell(np.log(said / expected), spread)
        pounds = share * bell(np.log(said / POUND / expected), spread)
        in_pounds = pounds / (kg + pounds + 1e-12)  # (n,) the probability of each guess
        meant = said * (1 - in_pounds) + said / POUND * in_pounds
        design = np.stack([np.ones_like(weights), weights], axis=1) / expected[:, None]  # the noise grows with the weight
        offset, slope = np.linalg.solve(design.T @ design + np.diag([1e-4, 1e-4]), design.T @ (meant / expected) + [0, 1e-4])
        expected = np.maximum(offset + slope * weights, 5)
        errors = (1 - in_pounds) * np.log(said / expected) ** 2 + in_pounds * np.log(said / POUND / expected) ** 2
        spread = max(np.sqrt((np.minimum(errors, 0.5).sum() + 0.02) / (len(said) + 1)), 0.03)
        share = np.clip(in_pounds.mean(), 0.001, 0.9)
    return offset, slope, spread, share
