# %% [markdown]
# ## Scoring
#
# This is the formula of the statement. The grader applies it to the hidden labels.

# %% tags=["protected"]
FLOOR, CEILING = {{ score.floor }}, {{ score.ceiling }}  # balanced accuracy of 0 and of 100 points


def performance(balanced_accuracies):
    """Return the points (0..100) of the mean balanced accuracy of the models."""
    share = (np.mean(balanced_accuracies) - FLOOR) / (CEILING - FLOOR)
    return int(round(100 * float(np.clip(share, 0, 1))))
