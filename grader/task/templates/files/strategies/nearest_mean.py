# trick: the class whose mean is nearest, from the forty labels alone
def digits_of(images):
    means = np.stack([train["x"][train["y"] == digit].mean(axis=0) for digit in range(10)])
    return ((images[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
