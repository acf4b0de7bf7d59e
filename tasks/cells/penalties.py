# %% [markdown]
# What your function returns is checked before it is used. A wrong return costs what the statement says, and no more. It is noted here.

# %% tags=["protected"]
class InvalidOutput(ValueError):
    """What the function returned is not allowed; the message says why."""


penalties = []  # a sentence for each return that was not allowed


def penalise(sentence):
    """Note a penalty, and show it."""
    penalties.append(sentence)
    print(f"PENALTY: {sentence}")


def save_predictions(**predictions):
    """Save arrays of predicted classes (n,) int64, and the penalties, where the grader looks for them."""
    np.savez(PREDICTIONS_PATH, **predictions)
    Path(PREDICTIONS_PATH).with_name("penalties.json").write_text(json.dumps(penalties))
