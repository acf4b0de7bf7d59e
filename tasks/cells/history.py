# %% [markdown]
# In the final evaluation, the course of the training is saved next to the predictions. Your feedback page plots it.

# %% tags=["protected"]
def save_history(axis, series):
    """Save curves of numbers at the steps 1, 2, ... of `axis`; `series` is {name: numbers}, and gaps are not finite."""
    lines = {name: [float(y) if np.isfinite(y) else None for y in numbers] for name, numbers in series.items()}
    steps = list(range(1, 1 + max(map(len, lines.values()))))
    history = {"x": {"name": axis, "values": steps}, "series": lines}
    Path(PREDICTIONS_PATH).with_name("history.json").write_text(json.dumps(history))
